"""The model's own input example through the whole path, before anybody depends on the answer."""

import json
import logging
import resource
import time
from dataclasses import dataclass
from typing import Any

from davit_server.errors import ModelRejected, RequestError
from davit_server.inference.answering import answer_works
from davit_server.inference.plan import Plan
from davit_server.inference.service import read_document
from davit_server.runtimes.generated import generated_document
from davit_server.runtimes.outputs import broken_promise
from davit_server.runtimes.pyfunc import PyfuncModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Checked:
    """What the smoke test found."""

    by: str
    """`example`, `signature`, or empty when the model could not be checked."""
    note: str
    seconds: float = 0.0
    peak_bytes: int = 0


def smoke_test(model: PyfuncModel, plan: Plan, max_rows: int) -> Checked:
    """Predict the input example as a client would ask for it, and hold the answer against the signature.

    Raises:
        ModelRejected: It does not give the answer it promises, so no other request can be trusted to.
    """
    example = model.example()
    if example is None:
        return _try_generated(model, plan, max_rows)
    started = time.perf_counter()
    try:
        raw = _through_the_whole_path(model, plan, _document(example.body), max_rows)
    except RequestError as failure:
        raise ModelRejected(
            "smoke-test",
            "SmokeTestFailed",
            f"The model does not answer its own input example: {failure.message}",
            "Check that example, signature and library versions belong to this model, and log it again.",
        ) from failure
    if broken := broken_promise(raw, model.signature.outputs):
        raise ModelRejected(
            "smoke-test",
            "SignatureMismatch",
            f"The answer to the input example contradicts the signature: {broken}.",
            "Log the model again with signature=infer_signature(inputs, the model's own predictions).",
        )
    seconds = time.perf_counter() - started
    return Checked("example", "checked: the model answers its own input example", seconds, peak_memory())


def _try_generated(model: PyfuncModel, plan: Plan, max_rows: int) -> Checked:
    """A row made up from the signature: its success tells something, its failure may be the row's fault."""
    document = generated_document(model.signature)
    if document is None:
        return Checked("", "unchecked: the model was logged without an input example")
    started = time.perf_counter()
    try:
        _through_the_whole_path(model, plan, document, max_rows)
    except RequestError:
        return Checked(
            "", "unchecked: no input example, and the model refuses a row made up from its signature"
        )
    seconds = time.perf_counter() - started
    note = "checked: the model answers a row made up from its signature; it was logged without an example"
    return Checked("signature", note, seconds, peak_memory())


def _through_the_whole_path(model: PyfuncModel, plan: Plan, document: object, max_rows: int) -> Any:
    """The prediction, after its answer has been made as for a client.

    Raises:
        RequestError: There is none.
    """
    work = read_document(model, plan, document, max_rows)
    answer = answer_works(plan, [work])[0]
    if isinstance(answer, RequestError):
        raise answer
    return work.alone()


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
    """The most memory this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
