"""Request bodies: how much is read, how long that may take, and what may be in them."""

import asyncio
import json
import re
import time
import types
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass
from functools import lru_cache, partial
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
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SQUARE = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """How large, slow and deep a body may be."""

    max_bytes: int = 16 * 2**20
    seconds: float = 60
    max_depth: int = 64


def header(scope: Scope, wanted: bytes) -> bytes | None:
    """The first header of a name (lower case)."""
    for name, value in scope["headers"]:
        if name == wanted:
            found: bytes = value
            return found
    return None


@lru_cache(maxsize=256)
def media_kind(content_type: bytes) -> MediaKind:
    """What a Content-Type header announces, by the rules of MLflow's scoring server.

    Raises:
        Unsupported: Not a type that is read here, or a parameter other than `charset=utf-8`.
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
    """The Content-Type of a request.

    Raises:
        Unsupported: It has none, or its body is compressed.
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
    """The whole body.

    Raises:
        TooLarge: More bytes than allowed, told by Content-Length or found while reading.
        TooSlow: It did not arrive in time.
        ClientGone: The client closed the connection.
    """
    length = header(scope, b"content-length")
    if length is not None and length.isdigit() and int(length) > limits.max_bytes:
        raise _too_large(limits)
    message = await _first(receive, limits, started)
    body: bytes = message.get("body", b"")
    if len(body) > limits.max_bytes:
        raise _too_large(limits)
    if not message.get("more_body", False):
        return body
    return await _rest(body, receive, limits, started)


async def _first(receive: Receive, limits: BodyLimits, started: float) -> dict[str, Any]:
    """The first piece, which mostly has come together with the headers.

    Then `receive` returns without waiting and needs no timer, which would be the dearest part of reading.
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
        raise ClientGone("The client went away.")
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
    """The pieces after the first."""
    pieces, size = [body], len(body)
    left = limits.seconds - (time.perf_counter() - started)
    try:
        async with asyncio.timeout(left):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone("The client went away.")
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


def decode_json(body: bytes, max_depth: int) -> Any:
    """The JSON value of a body.

    Raises:
        InvalidInput: Not JSON, not UTF-8, or nested too deeply.
    """
    if body.count(b"[") + body.count(b"{") > max_depth:
        require_shallow(body, max_depth)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return decode_leniently(body)


def decode_leniently(body: bytes) -> Any:
    """What only Python's own parser accepts, as MLflow's server does: NaN, lone surrogates, long integers.

    Raises:
        InvalidInput: Not JSON, not UTF-8, or nested too deeply.
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


def require_shallow(body: bytes, max_depth: int) -> None:
    """Refuse bodies whose lists and objects nest deeper than allowed, without parsing them.

    Strings are cut out, all but brackets dropped, and then empty pairs removed again and again: each pass
    takes off one level, and a wide but flat body is gone after two or three.

    Raises:
        InvalidInput: It nests too deeply.
    """
    brackets = _STRINGS.sub(b"", body).translate(_SQUARE, _NOT_BRACKETS)
    for _ in range(max_depth):
        shorter = brackets.replace(b"[]", b"")
        if len(shorter) == len(brackets):
            return  # nothing left, or unbalanced: then the parser says where
        brackets = shorter
    if brackets:
        raise InvalidInput(f"The body nests lists and objects deeper than the {max_depth} levels allowed.")
