"""Identify server and request: the headers of every answer."""

import itertools
import re
import secrets
from typing import Any

_SAFE = re.compile(rb"[A-Za-z0-9._:/@+=-]{1,128}").fullmatch

Headers = list[tuple[bytes, bytes]]


class Identity:
    """Model, version and run id of this server, and a source of request ids.

    Args:
        model: The model's name.
        version: Its version.
        run_id: The run it comes from; may become known only when the model is loaded.
    """

    def __init__(self, model: str, version: str, run_id: str = "") -> None:
        self.model = model
        self.version = version
        self._run_id = run_id
        # Unique without a system call for randomness on each request.
        self._prefix = secrets.token_hex(6)
        self._count = itertools.count(1)
        self._fixed = self._build()
        self.draining = False

    @property
    def run_id(self) -> str:
        """The run that the model comes from."""
        return self._run_id

    @run_id.setter
    def run_id(self, value: str) -> None:
        self._run_id = value
        self._fixed = self._build()

    def _build(self) -> Headers:
        values = (
            ("x-davit-model", self.model),
            ("x-davit-model-version", self.version),
            ("x-davit-run-id", self._run_id),
        )
        return [(name.encode(), _header_value(value)) for name, value in values if value]

    def headers(self, request_id: bytes) -> Headers:
        """Return the headers of one answer; while draining they also tell the client to reconnect."""
        headers = [*self._fixed, (b"x-request-id", request_id)]
        if self.draining:
            headers.append((b"connection", b"close"))
        return headers

    def request_id(self, scope: dict[str, Any]) -> bytes:
        """Return the client's own request id if it is safe to repeat, else a new one."""
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _SAFE(value):
                known: bytes = value
                return known
        return b"%b-%x" % (self._prefix.encode(), next(self._count))


def _header_value(text: str) -> bytes:
    """Encode a text for a header: visible ASCII as it is, everything else percent-encoded."""
    return b"".join(
        bytes([byte]) if 33 <= byte <= 126 else b"%%%02X" % byte for byte in text.encode("utf-8", "replace")
    )
