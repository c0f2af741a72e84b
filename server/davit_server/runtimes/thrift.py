"""The headers of a Parquet file's pages, in Thrift's compact protocol; pyarrow shows none of them."""

from dataclasses import dataclass
from typing import Any

from davit_server.errors import InvalidInput

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_WHOLE = frozenset({_I16, _I32, _I64})
MAX_NESTING = 8
"""Page headers nest three levels."""

# Fields of PageHeader, and of the headers of data pages of both versions (parquet.thrift).
_DECODED_SIZE, _SIZE, _DATA, _DATA_V2 = 2, 3, 5, 8
_VALUES = 1


@dataclass(frozen=True, slots=True)
class Page:
    """What a page's header says.

    Attributes:
        decoded_size: Its bytes when decompressed.
        count: Its values, nulls included; 0 for a dictionary.
    """

    decoded_size: int
    count: int


def read_page(body: bytes, at: int) -> tuple[Page, int]:
    """The page that begins at an offset, and where the next one does.

    Raises:
        InvalidInput: There is no page.
    """
    reader = _Reader(body, at)
    try:
        fields = reader.struct(MAX_NESTING)
    except IndexError as failure:
        raise InvalidInput("A page of the Parquet file is cut off.") from failure
    data = fields.get(_DATA, fields.get(_DATA_V2, {_VALUES: 0}))
    count = _number(data, _VALUES)
    return Page(_number(fields, _DECODED_SIZE), count), reader.at + _number(fields, _SIZE)


def _number(fields: Any, wanted: int) -> int:
    """A field that must be a whole number, and not negative."""
    number = fields.get(wanted) if isinstance(fields, dict) else None
    if not isinstance(number, int) or number < 0:
        raise InvalidInput("A page of the Parquet file has no sizes.")
    return number


class _Reader:
    """Reads structs; what is not a whole number or a struct is only passed over.

    Args:
        body: The bytes.
        at: Where to begin.
    """

    def __init__(self, body: bytes, at: int) -> None:
        self._body = body
        self.at = at

    def struct(self, nesting: int) -> dict[int, "int | dict[int, Any]"]:
        """The fields of a struct by number.

        Raises:
            IndexError: The bytes end before it does.
            InvalidInput: It nests too deeply, or has a type that does not exist.
        """
        if nesting == 0:
            raise _malformed()
        fields: dict[int, int | dict[int, Any]] = {}
        number = 0
        while first := self._byte():
            kind, step = first & 0x0F, first >> 4
            number = number + step if step else self._whole()
            if kind in _WHOLE:
                fields[number] = self._whole()
            elif kind == _STRUCT:
                fields[number] = self.struct(nesting - 1)
            elif kind not in {_TRUE, _FALSE}:  # a field's boolean is in its type
                self._pass(kind, nesting - 1)
        return fields

    def _pass(self, kind: int, nesting: int) -> None:
        """Pass over a value."""
        if kind in {_TRUE, _FALSE, _BYTE}:
            self.at += 1
        elif kind in _WHOLE:
            self._unsigned()
        elif kind == _DOUBLE:
            self.at += 8
        elif kind == _BINARY:
            size = self._unsigned()  # which moves on itself
            self.at += size
        elif kind == _STRUCT:
            self.struct(nesting)
        elif kind in {_LIST, _SET}:
            self._pass_list(nesting)
        else:
            raise _malformed()

    def _pass_list(self, nesting: int) -> None:
        if nesting == 0:
            raise _malformed()
        first = self._byte()
        size = first >> 4
        for _ in range(self._unsigned() if size == 15 else size):
            self._pass(first & 0x0F, nesting - 1)
            if self.at > len(self._body):
                raise _malformed()

    def _byte(self) -> int:
        byte = self._body[self.at]
        self.at += 1
        return byte

    def _unsigned(self) -> int:
        """A number of seven bits a byte, lowest first."""
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 63:
                raise _malformed()

    def _whole(self) -> int:
        """A signed number, whose sign is in its lowest bit."""
        number = self._unsigned()
        return (number >> 1) ^ -(number & 1)


def _malformed() -> InvalidInput:
    return InvalidInput("A page of the Parquet file is malformed.")
