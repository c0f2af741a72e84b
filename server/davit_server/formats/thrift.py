"""Read Thrift's compact protocol, in which a Parquet file describes itself.

pyarrow does not expose the headers of pages, and crashes the whole process on some damaged footers: so both
are read here.
"""

from typing import Any

from davit_server.errors import InvalidInput

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
MAX_NESTING = 16
"""More than a Parquet file needs: its footer nests eight levels."""

Struct = dict[int, Any]
"""The fields of a struct by number."""


def read_struct(body: bytes, at: int) -> tuple[Struct, int]:
    """Return the struct that begins at an offset, and the offset where it ends.

    Raises:
        InvalidInput: The bytes are not a valid struct.
    """
    reader = _Reader(body, at)
    try:
        return reader.struct(MAX_NESTING), reader.at
    except IndexError as failure:
        raise _malformed() from failure


class _Reader:
    """Read values one after another.

    Args:
        body: The bytes.
        at: The offset of the first value.
    """

    def __init__(self, body: bytes, at: int) -> None:
        self._body = body
        self.at = at

    def struct(self, nesting: int) -> Struct:
        """Return the fields of a struct.

        Raises:
            IndexError: The bytes end before the struct.
            InvalidInput: The struct nests too deeply, or has a type that Parquet does not use.
        """
        fields: Struct = {}
        number = 0
        while first := self._byte():
            kind, step = first & 0x0F, first >> 4
            number = number + step if step else self._signed()
            # A field's boolean is in its type.
            fields[number] = kind == _TRUE if kind in {_TRUE, _FALSE} else self._value(kind, nesting - 1)
        return fields

    def _value(self, kind: int, nesting: int) -> Any:
        if nesting == 0:
            raise _malformed()
        if kind in {_I16, _I32, _I64}:
            return self._signed()
        if kind == _BINARY:
            return self._bytes(self._unsigned())
        if kind == _STRUCT:
            return self.struct(nesting)
        if kind in {_LIST, _SET}:
            return self._list(nesting)
        if kind in {_TRUE, _FALSE, _BYTE}:
            return self._byte()
        if kind == _DOUBLE:
            return self._bytes(8)
        raise _malformed()

    def _list(self, nesting: int) -> list[Any]:
        first = self._byte()
        size = first >> 4
        return [
            self._value(first & 0x0F, nesting - 1) for _ in range(self._unsigned() if size == 15 else size)
        ]

    def _bytes(self, size: int) -> bytes:
        start = self.at
        self.at += size
        if self.at > len(self._body):
            raise IndexError
        return self._body[start : self.at]

    def _byte(self) -> int:
        byte = self._body[self.at]
        self.at += 1
        return byte

    def _unsigned(self) -> int:
        """Return a number of seven bits a byte, lowest first."""
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 63:
                raise _malformed()

    def _signed(self) -> int:
        """Return a number whose sign is in its lowest bit."""
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)


def _malformed() -> InvalidInput:
    return InvalidInput("The body is no Parquet file: a description in it is malformed.")
