"""Predict the model's own input example through the whole path before the model is Ready."""

import json
import logging
import resource
import time
from dataclasses import dataclass
from typing import Any

from davit_server.errors import ModelRejected, RequestError
from davit_server.inference.answering import predict_alone
from davit_server.inference.plan import Plan, PlanOptions
from davit_server.inference.service import read_document
from davit_server.inference.within import OverdueError, call_within
from davit_server.runtimes.generated import generated_document
from davit_server.runtimes.outputs import signature_violation
from davit_server.runtimes.pyfunc import PyfuncModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of the smoke test."""

    by: str
    """`example`, `signature`, or empty when the model could not be checked."""
    note: str
    seconds: float = 0.0
    peak_bytes: int = 0
    predictions: int = 0
    """How often the model was called."""


def smoke_test(model: PyfuncModel, plan: Plan, max_rows: int, options: PlanOptions) -> Checked:
    """Predict the input example as for a client, and compare the answer with the signature.

    The model is called once, with the deadline of a request.

    Raises:
        ModelRejected: The model fails on its own example, answers too late, or contradicts its signature.
    """
    if not options.startup_predictions:
        return Checked("", "unchecked: predictions before the first request are forbidden")
    example = model.example()
    if example is None:
        return _try_generated(model, plan, max_rows, options)
    document = _document(example.body)
    started = time.perf_counter()
    try:
        raw = call_within(options.deadline_seconds, lambda: _answer(model, plan, document, max_rows))
    except RequestError as failure:
        raise ModelRejected(
            "smoke-test",
            "SmokeTestFailed",
            f"The model does not answer its own input example: {failure.message}",
            "Check that example, signature and library versions belong to this model, and log it again.",
        ) from failure
    except OverdueError as failure:
        raise ModelRejected(
            "smoke-test",
            "SmokeTestOverdue",
            f"The model did not answer its own input example within {options.deadline_seconds:g} s.",
            "Raise spec.server.requestTimeoutSeconds, or find out what the model waits for.",
        ) from failure
    if violation := signature_violation(raw, model.signature.outputs):
        raise ModelRejected(
            "smoke-test",
            "SignatureMismatch",
            f"The answer to the input example contradicts the signature: {violation}.",
            "Log the model again with signature=infer_signature(inputs, the model's own predictions).",
        )
    seconds = time.perf_counter() - started
    return Checked("example", "checked: the model answers its own input example", seconds, peak_memory(), 1)


def _try_generated(model: PyfuncModel, plan: Plan, max_rows: int, options: PlanOptions) -> Checked:
    """Try a row generated from the signature; if the model refuses it, the row may be wrong."""
    document = generated_document(model.signature)
    if document is None:
        return Checked("", "unchecked: the model was logged without an input example")
    started = time.perf_counter()
    try:
        call_within(options.deadline_seconds, lambda: _answer(model, plan, document, max_rows))
    except RequestError:
        note = "unchecked: no input example, and the model refuses a row generated from its signature"
        return Checked("", note, predictions=1)
    except OverdueError:
        note = (
            "unchecked: no input example, and the model did not answer a row generated from its signature "
            f"within {options.deadline_seconds:g} s"
        )
        logger.warning(note)
        return Checked("", note, predictions=1)
    seconds = time.perf_counter() - started
    note = "checked: the model answers a row generated from its signature; it was logged without an example"
    return Checked("signature", note, seconds, peak_memory(), 1)


def _answer(model: PyfuncModel, plan: Plan, document: object, max_rows: int) -> Any:
    """Return the prediction, after encoding it as for a client.

    Raises:
        RequestError: The model raised, or its answer cannot be encoded.
    """
    request = read_document(model, plan, document, max_rows)
    raw = predict_alone(plan, request)
    request.encode(raw)
    return raw


def _document(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError as failure:
        raise ModelRejected(
            "smoke-test",
            "BrokenExample",
            "The model's input example is not valid JSON.",
            "Log the model again with a valid input_example.",
        ) from failure


def peak_memory() -> int:
    """Return the most memory this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
