"""Read Parquet files, which are measured first: a few kilobytes can hold gigabytes.

The sizes in the footer are not trusted: the header of each page repeats how many values it has and how many
bytes they are when decompressed, and readers use those. A text is stored once and referenced many times, so
where the pages allow too much memory, columns of texts are decoded piece by piece and added up.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from davit_server.errors import InvalidInput
from davit_server.formats.limits import BYTES_PER_CELL, TableLimits
from davit_server.formats.thrift import Struct, read_struct

BYTES_PER_OBJECT = 64
"""Memory of a text, decimal, date or list in a data frame, without its content."""
PIECES = 8
"""Number of pieces in which a column of texts of the largest allowed size is measured."""
REPEATED = 2
BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY = range(8)
"""Physical types (parquet.thrift)."""

# Numbers of fields (parquet.thrift).
_FILE_SCHEMA, _FILE_ROWS, _FILE_GROUPS = 2, 3, 4
_ELEMENT_TYPE, _ELEMENT_LENGTH, _ELEMENT_REPETITION, _ELEMENT_CHILDREN = 1, 2, 3, 5
_ELEMENT_CONVERTED, _ELEMENT_LOGICAL = 6, 10
_GROUP_COLUMNS, _CHUNK_META = 1, 3
_META_PATH, _META_VALUES, _META_SIZE, _META_DATA, _META_DICTIONARY = 3, 5, 7, 9, 11
_PAGE_DECODED, _PAGE_SIZE, _PAGE_DATA, _PAGE_DATA_V2, _DATA_VALUES = 2, 3, 5, 8, 1


def read_parquet(body: bytes, limits: TableLimits) -> Any:
    """Return the table as pandas reads it.

    Raises:
        ImportError: pyarrow is not installed.
        InvalidInput: The footer does not describe the file.
        TooLarge: There are more rows, cells or bytes than allowed.
        Exception: pyarrow or pandas cannot read the file.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with _memory_given_back(pa):
        suspects, decoded = _count(body, limits)
        for column in suspects:
            decoded += _measure(ParquetFile(pa.BufferReader(body)), column, limits, decoded)
        return pd.read_parquet(io.BytesIO(body))


@contextmanager
def _memory_given_back(pa: Any) -> Iterator[None]:
    """Release memory at the end that the allocator would keep for the next file."""
    try:
        yield
    finally:
        pa.default_memory_pool().release_unused()


def _count(body: bytes, limits: TableLimits) -> tuple[list["_Column"], int]:
    """Refuse a file that is too large by its own description.

    Returns:
        Columns whose texts may take more memory than allowed, and the memory of everything else.
    """
    footer, columns = _described(body)
    limits.check_table(_number(footer, _FILE_ROWS), len(columns))
    compressed = 0
    for group in _list(footer, _FILE_GROUPS):
        chunks = _list(group, _GROUP_COLUMNS)
        if len(chunks) != len(columns):
            raise _damaged()
        for column, chunk in zip(columns, chunks, strict=True):
            meta = chunk.get(_CHUNK_META)
            if not isinstance(meta, dict):
                raise _damaged()
            if _number(meta, _META_VALUES) == 0:
                continue
            compressed += _number(meta, _META_SIZE)
            if compressed > len(body):
                raise _damaged()  # overlapping chunks: the same pages would be read repeatedly
            column.add(body, meta)
    limits.check_cells(sum(column.count for column in columns))
    decoded = sum(column.decoded_bytes for column in columns)
    limits.check_bytes(decoded)
    return [column for column in columns if decoded + column.most_text_bytes > limits.decoded_bytes], decoded


def _described(body: bytes) -> tuple[Struct, list["_Column"]]:
    """Return the footer of a file, and the columns of its schema."""
    size = int.from_bytes(body[-8:-4], "little")
    if body[:4] != b"PAR1" or body[-4:] != b"PAR1" or size > len(body) - 12:
        raise _damaged()
    footer, _ = read_struct(body, len(body) - 8 - size)
    elements = _list(footer, _FILE_SCHEMA)
    return footer, [_Column(element) for element in elements if not element.get(_ELEMENT_CHILDREN)]


class _Column:
    """One column of a file, added up over its row groups.

    Args:
        element: Its element of the schema.
    """

    def __init__(self, element: Struct) -> None:
        kind = _optional(element, _ELEMENT_TYPE)
        self._is_text = kind == BYTE_ARRAY
        # Repeated or annotated numbers become lists, decimals or dates: objects.
        is_number = kind in {BOOLEAN, INT32, INT64, FLOAT, DOUBLE}
        is_number = is_number and not {_ELEMENT_CONVERTED, _ELEMENT_LOGICAL} & element.keys()
        is_number = is_number and element.get(_ELEMENT_REPETITION) != REPEATED
        length = _optional(element, _ELEMENT_LENGTH)
        self._width = BYTES_PER_CELL if is_number else BYTES_PER_OBJECT + max(length, 0)
        self.path = ""
        self.count = 0
        self._pages_bytes = 0
        self._longest = 0

    @property
    def decoded_bytes(self) -> int:
        """Memory of its pages, and of its values without the content of texts."""
        return self.count * self._width + self._pages_bytes

    @property
    def most_text_bytes(self) -> int:
        """Upper bound of the memory of its texts: each is within one page."""
        return self.count * self._longest if self._is_text else 0

    def rows_within(self, size: int) -> int:
        """Return how many of its texts are certain to fit into a number of bytes."""
        return max(1, min(65536, size // max(self._longest, 1)))

    def add(self, body: bytes, meta: Struct) -> None:
        """Count the pages of one row group."""
        parts = [part.decode() for part in _list(meta, _META_PATH, bytes)]
        self.path = ".".join(parts)
        if len(parts) > 1 and parts[1:-1] != ["list"]:
            # Within structs, maps and lists of lists, each value may be wrapped in objects of its own.
            self._width = max(self._width, BYTES_PER_OBJECT)
        at = _number(meta, _META_DATA)
        dictionary = _optional(meta, _META_DICTIONARY)
        if 0 < dictionary < at:
            at = dictionary
        end = at + _number(meta, _META_SIZE)
        while at < end:
            page, at = read_struct(body, at)
            at += _number(page, _PAGE_SIZE)
            decoded = _number(page, _PAGE_DECODED)
            data = page.get(_PAGE_DATA, page.get(_PAGE_DATA_V2))
            self.count += _number(data, _DATA_VALUES) if isinstance(data, dict) else 0
            self._pages_bytes += decoded
            self._longest = max(self._longest, decoded)


def _number(fields: Struct, wanted: int) -> int:
    """Return a required field: an integer, not negative."""
    number = fields.get(wanted)
    if not isinstance(number, int) or number < 0:
        raise _damaged()
    return number


def _optional(fields: Struct, wanted: int) -> int:
    """Return an optional field; -1 where it is missing."""
    return _number(fields, wanted) if wanted in fields else -1


def _list(fields: Struct, wanted: int, kind: type = dict) -> list[Any]:
    """Return a required field: a list of structs, or of another type."""
    found = fields.get(wanted)
    if not isinstance(found, list) or not all(isinstance(value, kind) for value in found):
        raise _damaged()
    return found


def _damaged() -> InvalidInput:
    return InvalidInput("The body is no Parquet file, or a damaged one.")


def _measure(file: Any, column: _Column, limits: TableLimits, decoded: int) -> int:
    """Return the bytes of a column's texts, decoded a piece at a time."""
    rows = column.rows_within(limits.decoded_bytes // PIECES)
    measured = 0
    for batch in file.iter_batches(batch_size=rows, columns=[column.path], use_threads=False):
        measured += batch.nbytes
        limits.check_bytes(decoded + measured)
    return measured
