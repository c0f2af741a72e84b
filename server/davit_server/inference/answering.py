"""A batch of requests in, an answer or an error for each of them out."""

import logging
from collections.abc import Sequence
from typing import Any

from davit_server.errors import ModelFailed, RequestError
from davit_server.inference.plan import Plan
from davit_server.runtimes.base import Work

logger = logging.getLogger(__name__)


def answer_works(plan: Plan, works: Sequence[Work]) -> list[Any]:
    """The encoded answer, or the error, for each request of a batch; never raises.

    If a joined call fails, each request is predicted alone, so that a bad row harms only its sender.
    """
    if plan.joined is not None and works[0].part is not None:
        try:
            parts = [(work.part, work.rows) for work in works]
            raws = plan.joined.predict(parts)
            return [work.encode(raw) for work, raw in zip(works, raws, strict=True)]
        except BaseException as failure:  # a model may raise SystemExit, too
            logger.debug("a joined call failed, its requests go one by one", exc_info=failure)
    return [_answer_alone(work) for work in works]


def _answer_alone(work: Work) -> Any:
    """One request by itself, through MLflow's own parsing and schema enforcement."""
    try:
        return work.encode(work.alone())
    except RequestError as failure:
        return failure
    except MemoryError:
        logger.exception("out of memory while predicting")
        return ModelFailed("The prediction needs more memory than the server has; send fewer rows.")
    except Exception:
        logger.exception("a prediction failed unexpectedly")
        return ModelFailed("The server failed on this request; its log has the place.")
