"""Read request bodies, within limits of size, time and nesting."""

import asyncio
import json
import time
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import accumulate
from typing import Any, Literal

import orjson

from davit_server.errors import ClientGone, InvalidInput, TooLarge, TooSlow, Unsupported

Scope = dict[str, Any]
Receive = Callable[[], Coroutine[Any, Any, dict[str, Any]]]

MediaKind = Literal["json", "csv", "parquet"]

_KINDS: dict[str, MediaKind] = {
    "application/json": "json",
    "text/csv": "csv",
    "application/vnd.apache.parquet": "parquet",
}
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = bytes.maketrans(b"[]", b"\x01\xff")
"""Brackets as steps down and up, +1 and -1 in signed bytes."""
_FLAT = 3
"""Levels of most bodies: an object with a list of rows."""
_PIECE = 256 * 1024
"""Bytes looked at in one step: between steps other threads can run."""

MAX_DIGITS = 19
"""Longer numbers in headers are invalid; Python refuses to convert very long ones."""

BYTES_PER_LIST = 16
"""Bytes of the largest body for each list or object: one takes two bytes of a body, up to 200 of memory."""


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Limits on size, time and nesting of a body."""

    max_bytes: int = 16 * 2**20
    seconds: float = 60
    max_depth: int = 64

    @property
    def max_lists(self) -> int:
        """How many lists and objects a JSON body may have."""
        return self.max_bytes // BYTES_PER_LIST


def header(scope: Scope, wanted: bytes) -> bytes | None:
    """Return the first header of a name (lower case)."""
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None


def whole_number(value: bytes | None) -> int | None:
    """Return the number in a header; None when it is missing, not a number, or beyond 64 bits."""
    if value is None or len(value) > MAX_DIGITS or not value.isdigit():
        return None
    return int(value)


@lru_cache(maxsize=256)
def media_kind(content_type: bytes) -> MediaKind:
    """Return what a Content-Type header announces, by the rules of MLflow's scoring server.

    Raises:
        Unsupported: The server does not read this type, or there is a parameter other than `charset=utf-8`.
    """
    media, *parameters = (part.strip().lower() for part in content_type.decode("latin-1").split(";"))
    kind = _KINDS.get(media)
    if kind is None:
        raise Unsupported(f"The Content-Type must be one of {', '.join(_KINDS)}.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name != "charset":
            raise Unsupported("The only Content-Type parameter that is understood is charset.")
        if value != "utf-8":
            raise Unsupported("The only charset that is understood is utf-8.")
    return kind


def require_plain(scope: Scope) -> bytes:
    """Return the Content-Type of a request.

    Raises:
        Unsupported: The request has no Content-Type, or its body is compressed.
    """
    content_type = None
    for name, value in scope["headers"]:
        if name == b"content-type":
            content_type = value
        elif name == b"content-encoding" and value.lower() != b"identity":
            raise Unsupported("Compressed bodies are not understood: send it without Content-Encoding.")
    if content_type is None:
        raise Unsupported(f"The request has no Content-Type; it must be one of {', '.join(_KINDS)}.")
    known: bytes = content_type
    return known


async def read_body(scope: Scope, receive: Receive, limits: BodyLimits, started: float) -> bytes:
    """Return the whole body.

    Raises:
        TooLarge: The body has more bytes than allowed, by its Content-Length or by count.
        TooSlow: The body did not arrive in time.
        ClientGone: The client closed the connection.
    """
    length = whole_number(header(scope, b"content-length"))
    if length is not None and length > limits.max_bytes:
        raise _too_large(limits)
    message = await _first(receive, limits, started)
    body: bytes = message.get("body", b"")
    if len(body) > limits.max_bytes:
        raise _too_large(limits)
    if not message.get("more_body", False):
        return body
    return await _rest(body, receive, limits, started)


async def _first(receive: Receive, limits: BodyLimits, started: float) -> dict[str, Any]:
    """Return the first piece, which usually has arrived together with the headers.

    Then `receive` returns without waiting and needs no timer, which would be the most expensive part.
    """
    reading = receive()
    try:
        awaited = reading.send(None)
    except StopIteration as at_once:
        message = at_once.value
    else:
        left = limits.seconds - (time.perf_counter() - started)
        try:
            async with asyncio.timeout(left):
                message = await _continue(reading, awaited)
        except TimeoutError as failure:
            raise _too_slow(limits) from failure
    if message["type"] == "http.disconnect":
        raise ClientGone("The client disconnected.")
    received: dict[str, Any] = message
    return received


@types.coroutine
def _continue(reading: Coroutine[Any, Any, Any], awaited: Any) -> Generator[Any, Any, Any]:
    """Await a coroutine that has already been started and waits for `awaited`."""
    while True:
        try:
            sent = yield awaited
        except BaseException as thrown:  # noqa: BLE001  cancellation belongs to the coroutine
            step = partial(reading.throw, thrown)
        else:
            step = partial(reading.send, sent)
        try:
            awaited = step()
        except StopIteration as end:
            return end.value


async def _rest(body: bytes, receive: Receive, limits: BodyLimits, started: float) -> bytes:
    """Return the whole body: its first piece and those that follow."""
    pieces, size = [body], len(body)
    left = limits.seconds - (time.perf_counter() - started)
    try:
        async with asyncio.timeout(left):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone("The client disconnected.")
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > limits.max_bytes:
                    raise _too_large(limits)
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError as failure:
        raise _too_slow(limits) from failure


def _too_slow(limits: BodyLimits) -> TooSlow:
    return TooSlow(f"The body did not arrive within {limits.seconds:g} s.")


def _too_large(limits: BodyLimits) -> TooLarge:
    return TooLarge(f"The body is larger than the {limits.max_bytes} bytes allowed; send it in parts.")


def decode_json(body: bytes, limits: BodyLimits) -> Any:
    """Return the JSON value of a body.

    Raises:
        InvalidInput: The body is not JSON, not UTF-8, or nests too deeply.
        TooLarge: The body has more lists and objects than allowed.
    """
    if body.count(b"[") + body.count(b"{") > limits.max_depth:
        require_modest(body, limits)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return decode_leniently(body)


def decode_leniently(body: bytes) -> Any:
    """Decode what only Python's own parser accepts, as MLflow does: NaN, lone surrogates, long integers.

    Raises:
        InvalidInput: The body is not JSON, not UTF-8, or nests too deeply.
    """
    try:
        return json.loads(body)
    except json.JSONDecodeError as failure:
        raise InvalidInput(
            f"The body is not valid JSON: line {failure.lineno}, column {failure.colno}."
        ) from failure
    except UnicodeDecodeError as failure:
        raise InvalidInput(f"The body is not valid UTF-8 at byte {failure.start}.") from failure
    except (ValueError, RecursionError) as failure:
        raise InvalidInput("The body holds a number that is too long, or is nested too deeply.") from failure


def require_modest(body: bytes, limits: BodyLimits) -> None:
    """Refuse bodies with too many or too deeply nested lists and objects, without parsing them.

    Raises:
        InvalidInput: The body nests too deeply.
        TooLarge: The body has too many lists and objects.
    """
    brackets = _brackets(body)
    if brackets.count(b"[") > limits.max_lists:
        raise TooLarge(
            f"The body has more than the {limits.max_lists} lists and objects allowed; send it in parts."
        )
    # Removing empty pairs removes one level, and with it most of a wide but flat body.
    for _ in range(_FLAT):
        brackets = brackets.replace(b"[]", b"")
    steps = memoryview(brackets.translate(_STEPS)).cast("b")
    if max(accumulate(steps), default=0) + _FLAT > limits.max_depth:
        raise InvalidInput(
            f"The body nests lists and objects deeper than the {limits.max_depth} levels allowed."
        )


def _brackets(body: bytes) -> bytes:
    """Return all brackets outside strings, as square ones."""
    if b"\\" in body:
        # In this order: in a run of backslashes before a quote, each pair is one character.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    found, in_string = [], 0
    for start in range(0, len(body), _PIECE):
        # Quotes alternate between the inside and the outside of strings.
        parts = body[start : start + _PIECE].split(b'"')
        found.append(b"".join(parts[in_string::2]).translate(_SQUARE, _NOT_BRACKETS))
        in_string ^= (len(parts) - 1) & 1
    return b"".join(found)
