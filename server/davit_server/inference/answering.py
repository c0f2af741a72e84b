"""Predict a batch of requests, with an answer or an error for each."""

import logging
from collections.abc import Sequence
from typing import Any

from davit_server.errors import ModelFailed, RequestError
from davit_server.inference.plan import Plan
from davit_server.runtimes.base import PredictionRequest

logger = logging.getLogger(__name__)


def answer_requests(plan: Plan, requests: Sequence[PredictionRequest]) -> list[Any]:
    """Return the encoded answer, or the error, for each request of a batch; never raise.

    If a shared call fails, each request is predicted alone, so that a bad row affects only its sender.
    """
    if len(requests) > 1 and plan.predictor is not None:
        try:
            inputs = [(request.batch_input, request.rows) for request in requests]
            raws = plan.predictor.predict(inputs)
            return [request.encode(raw) for request, raw in zip(requests, raws, strict=True)]
        except BaseException as failure:  # a model may raise SystemExit, too
            logger.debug("a shared call failed; its requests are predicted one by one", exc_info=failure)
    return [_answer_alone(plan, request) for request in requests]


def _answer_alone(plan: Plan, request: PredictionRequest) -> Any:
    """Return the answer or the error of one request."""
    try:
        return request.encode(predict_alone(plan, request))
    except RequestError as failure:
        return failure
    except MemoryError:
        logger.exception("out of memory while predicting")
        return ModelFailed("The prediction needs more memory than the server has; send fewer rows.")
    except BaseException:
        # Models raise SystemExit, CancelledError and more; the thread and the next request must survive it.
        logger.exception("a prediction failed unexpectedly")
        return ModelFailed("The server failed on this request; see its log.")


def predict_alone(plan: Plan, request: PredictionRequest) -> Any:
    """Return the prediction for one request, by the plan's predictor where it is a plain one.

    Raises:
        RequestError: The model raised, or the request does not fit it.
    """
    if plan.predictor is not None and request.batch_input is not None:
        try:
            return plan.predictor.predict([(request.batch_input, request.rows)])[0]
        except (RequestError, MemoryError):
            raise
        except Exception as failure:
            # Native predictors refuse inputs that only MLflow can explain, or predict.
            logger.debug(
                "the plan's call failed, the request goes through MLflow's own parsing", exc_info=failure
            )
    return request.predict_alone()
