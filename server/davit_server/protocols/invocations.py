"""`POST /invocations`: MLflow's scoring protocol."""

import re
from functools import partial

from davit_server.inference.service import InferenceService
from davit_server.protocols.bodies import BodyLimits, Scope, decode_json, decode_leniently, media_kind
from davit_server.runtimes.base import PredictionRequest

_LONG_NUMBER = re.compile(rb"\d{19}").search


class Invocations:
    """Read the JSON forms, CSV and Parquet.

    Args:
        limits: Limits of a JSON body.
    """

    def __init__(self, limits: BodyLimits) -> None:
        self._limits = limits

    def read(
        self, service: InferenceService, _: Scope, content_type: bytes, body: bytes
    ) -> PredictionRequest:
        """Return the request in the form that the model can be called with.

        Raises:
            RequestError: The request is malformed, too large, or of an unsupported type.
        """
        kind = media_kind(content_type)
        if kind == "json":
            request = service.read_document(decode_json(body, self._limits))
            if request.batch_input is None and _LONG_NUMBER(body):
                # The fast parser reads integers beyond 64 bits as floats; MLflow keeps them whole.
                del request  # keeping both results would take twice the memory
                request = service.read_document(decode_leniently(body))
            return request
        parse = service.model.parse_csv if kind == "csv" else service.model.parse_parquet
        return service.read_parsed(partial(parse, body, service.table_limits))
