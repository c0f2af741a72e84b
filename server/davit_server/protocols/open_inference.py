"""`POST /v2/models/…/infer`: the Open Inference Protocol v2, with its binary data extension."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from davit_server.errors import InvalidInput, UnknownModel, Unsupported
from davit_server.formats.limits import TableLimits
from davit_server.inference.service import InferenceService
from davit_server.protocols.answers import answer_tensors, tensor_bytes, tensor_data, tensor_entry
from davit_server.protocols.bodies import BodyLimits, Scope, decode_json, header, whole_number
from davit_server.protocols.mapping import document_of, untyped_input
from davit_server.protocols.tensors import Tensor, check_shapes, read_tensor
from davit_server.runtimes.base import PredictionRequest

HEADER_LENGTH = b"inference-header-content-length"
OCTETS = b"application/octet-stream"
DEFAULT_OUTPUT = "predictions"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The client's requirements for the answer."""

    request_id: str | None
    names: tuple[str, ...] | None
    """The requested outputs; None for all."""
    binary: frozenset[str] | None
    """The outputs requested as raw bytes; None for all of them."""

    def as_bytes(self, name: str) -> bool:
        """Return whether an output is sent as raw bytes."""
        return self.binary is None or name in self.binary


class OpenInference:
    """Read inference requests.

    Args:
        model: The name of the served model; paths must have the same.
        version: Its version.
        limits: Limits of the JSON part.
    """

    def __init__(self, model: str, version: str, limits: BodyLimits) -> None:
        self._model = model
        self._version = version
        self._limits = limits

    def read(
        self, service: InferenceService, scope: Scope, content_type: bytes, body: bytes
    ) -> PredictionRequest:
        """Return the request in the form that the model can be called with.

        Raises:
            RequestError: The request is malformed or too large, or names another model.
        """
        require_model(self._model, self._version, scope.get("path_params", {}))
        head, tail = self._split(scope, content_type, body)
        document = decode_json(head, self._limits)
        if (
            not isinstance(document, dict)
            or not isinstance(document.get("inputs"), list)
            or not document["inputs"]
        ):
            raise InvalidInput("The body must be a JSON object with a list 'inputs' of at least one tensor.")
        tensors = read_tensors(document["inputs"], tail, service.table_limits)
        parameters = document.get("parameters")
        known = parameters if isinstance(parameters, dict) else {}
        wanted = read_wanted(document, known)
        request = self._prediction_request(service, tensors, known)
        outputs = service.model.signature.outputs
        default = outputs[0].name if len(outputs) == 1 and outputs[0].name else DEFAULT_OUTPUT
        request.encode = self._encoder(wanted, default)
        return request

    @staticmethod
    def _prediction_request(
        service: InferenceService, tensors: list[Tensor], parameters: dict[str, Any]
    ) -> PredictionRequest:
        """Use MLflow's own forms where there is a signature to cast to, else the types as sent."""
        signature = service.model.signature
        if signature.inputs or signature.from_type_hint:
            return service.read_document(document_of(tensors, parameters, signature))
        return service.read_parsed(partial(untyped_input, tensors, parameters))

    @staticmethod
    def _split(scope: Scope, content_type: bytes, body: bytes) -> tuple[bytes, bytes | None]:
        """Return the JSON head and, with the binary extension, the raw bytes behind it."""
        declared = header(scope, HEADER_LENGTH)
        if declared is None:
            if not content_type.lower().startswith(b"application/json"):
                raise Unsupported("The Content-Type must be application/json.")
            return body, None
        length = whole_number(declared)
        if length is None or length > len(body):
            raise InvalidInput(
                "Inference-Header-Content-Length must be the number of bytes of the JSON part."
            )
        return body[:length], body[length:]

    def _encoder(self, wanted: Wanted, default: str) -> Callable[[Any], Any]:
        def encode(raw: Any) -> Any:
            tensors = answer_tensors(raw, default)
            if wanted.names is not None:
                tensors = _choose(tensors, wanted.names)
            return self._answer(tensors, wanted)

        return encode

    def _answer(self, tensors: list[Tensor], wanted: Wanted) -> Any:
        """Return the answer as JSON, or as JSON followed by raw bytes."""
        entries, pieces = [], []
        for tensor in tensors:
            entry = tensor_entry(tensor)
            if wanted.as_bytes(tensor.name):
                pieces.append(tensor_bytes(tensor))
                entry["parameters"] = {"binary_data_size": len(pieces[-1])}
            else:
                entry["data"] = tensor_data(tensor)
            entries.append(entry)
        answer = {
            "model_name": self._model,
            "model_version": self._version,
            "outputs": entries,
        }
        if wanted.request_id is not None:
            answer["id"] = wanted.request_id
        head = json.dumps(answer).encode()
        if not pieces:
            return head
        return b"".join([head, *pieces]), OCTETS, [(HEADER_LENGTH, b"%d" % len(head))]


def require_model(model: str, version: str, path_params: dict[str, Any]) -> None:
    """Refuse paths that name another model.

    Args:
        model: The name of the served model.
        version: Its version.
        path_params: Name and version in the path.

    Raises:
        UnknownModel: Name or version differ from those served here.
    """
    served = {"name": model, "version": version}
    if any(path_params.get(key) not in {None, value} for key, value in served.items()):
        raise UnknownModel(f"This server has only the model '{model}', version '{version}'.")


def read_tensors(entries: list[Any], tail: bytes | None, limits: TableLimits) -> list[Tensor]:
    """Read all inputs; those with a `binary_data_size` take their bytes from the tail, in order.

    Raises:
        InvalidInput: A tensor is malformed, two have one name, or the bytes do not add up.
        TooLarge: A tensor has too many rows, or all together too many values and lists.
    """
    check_shapes(entries, limits)
    tensors, at = [], 0
    for entry in entries:
        parameters = entry.get("parameters") if isinstance(entry, dict) else None
        size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
        if size is None:
            tensors.append(read_tensor(entry, None))
            continue
        if type(size) is not int or size < 0 or tail is None or at + size > len(tail):
            raise InvalidInput("A binary_data_size does not fit the bytes behind the JSON part.")
        tensors.append(read_tensor(entry, tail[at : at + size]))
        at += size
    if tail is not None and at != len(tail):
        raise InvalidInput("There are more bytes behind the JSON part than the inputs claim.")
    if len({tensor.name for tensor in tensors}) != len(tensors):
        raise InvalidInput("Two inputs have the same name.")
    return tensors


def read_wanted(request: dict[str, Any], parameters: dict[str, Any]) -> Wanted:
    """Return what the client requests of the answer.

    Raises:
        InvalidInput: `outputs` is not a list of named objects, or names one twice.
    """
    request_id = request.get("id")
    outputs = request.get("outputs")
    every = parameters.get("binary_data_output") is True
    if outputs is None:
        binary = None if every else frozenset[str]()
        return Wanted(request_id if isinstance(request_id, str) else None, None, binary)
    if not isinstance(outputs, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("name"), str) for entry in outputs
    ):
        raise InvalidInput("'outputs' must be a list of objects with a name.")
    names = tuple(entry["name"] for entry in outputs)
    if len(set(names)) != len(names):
        raise InvalidInput("Two of 'outputs' have the same name.")
    chosen = frozenset(entry["name"] for entry in outputs if _binary(entry, default=every))
    return Wanted(request_id if isinstance(request_id, str) else None, names or None, chosen)


def _binary(entry: dict[str, Any], *, default: bool) -> bool:
    """Return whether one output is requested as bytes."""
    parameters = entry.get("parameters")
    binary = parameters.get("binary_data") if isinstance(parameters, dict) else None
    return binary if isinstance(binary, bool) else default


def _choose(tensors: list[Tensor], names: tuple[str, ...]) -> list[Tensor]:
    """Return the requested outputs in the requested order."""
    by_name = {tensor.name: tensor for tensor in tensors}
    if not set(names) <= by_name.keys():
        raise InvalidInput(
            f"The model's outputs are {', '.join(map(repr, by_name))}; others cannot be requested."
        )
    return [by_name[name] for name in names]
