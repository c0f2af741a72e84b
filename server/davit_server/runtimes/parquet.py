"""Parquet files, measured before they are read: a few kilobytes can hold gigabytes.

The footer says how many rows and values there are. What it says of sizes is only believed where it does not
matter: each page tells the memory that it needs once more, in a header of its own, and the reader follows
that. Texts are kept once and referred to many times, so where the pages leave room for too many they are
decoded piece by piece and added up.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from davit_server.errors import InvalidInput
from davit_server.runtimes.limits import BYTES_PER_CELL, TableLimits
from davit_server.runtimes.thrift import Page, read_page

BYTES_PER_OBJECT = 64
"""What a text, decimal, date or list takes in a data frame, without its content."""
PIECES = 8
"""A column of texts is measured in at least so many pieces when it is as large as allowed."""
PLAIN_TYPES = frozenset({"BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE"})


def read_parquet(body: bytes, limits: TableLimits) -> Any:
    """The table as pandas reads it.

    Raises:
        ImportError: There is no pyarrow.
        InvalidInput: Its parts do not lie where the footer says.
        TooLarge: More rows, cells or bytes than allowed.
        Exception: pyarrow or pandas cannot read it.
    """
    import pandas as pd
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    with _memory_given_back(pa):
        _check(body, ParquetFile(pa.BufferReader(body)), limits)
        return pd.read_parquet(io.BytesIO(body))


@contextmanager
def _memory_given_back(pa: Any) -> Iterator[None]:
    """Let the allocator return at the end what it would keep for the next file."""
    try:
        yield
    finally:
        pa.default_memory_pool().release_unused()


def _check(body: bytes, file: Any, limits: TableLimits) -> None:
    """Refuse a file that is too large in any respect."""
    footer = file.metadata
    limits.check_table(footer.num_rows, footer.num_columns)
    compressed = decoded = count = 0
    suspects = []
    for at in range(footer.num_columns):
        column = _Column(footer, at)
        for chunk in column.chunks():
            if chunk.num_values == 0:
                continue
            compressed += chunk.total_compressed_size
            if compressed > len(body):
                raise InvalidInput("The parts of the Parquet file overlap.")
            column.add(_pages(body, chunk), limits)
        count += column.count
        limits.check_cells(count)
        decoded += column.fixed_bytes + column.pages_bytes
        limits.check_bytes(decoded)
        if column.has_texts and decoded + column.count * column.longest > limits.decoded_bytes:
            suspects.append(column)
    for column in suspects:
        decoded += _measure(file, column, limits, decoded)


class _Column:
    """One column of a file, added up over its row groups."""

    def __init__(self, footer: Any, at: int) -> None:
        self._footer = footer
        self._at = at
        described = footer.schema.column(at)
        self.path = described.path
        self.has_texts = described.physical_type == "BYTE_ARRAY"
        plain = described.physical_type in PLAIN_TYPES and described.max_repetition_level == 0
        plain = plain and described.logical_type.type in {"NONE", "INT", "TIMESTAMP"}
        self._width = BYTES_PER_CELL if plain else BYTES_PER_OBJECT + max(described.length, 0)
        self.count = 0
        self.longest = 0
        self.pages_bytes = 0

    @property
    def fixed_bytes(self) -> int:
        """What the values take without the content of texts."""
        return self.count * self._width

    def chunks(self) -> Iterator[Any]:
        """Its part of each row group."""
        for group in range(self._footer.num_row_groups):
            yield self._footer.row_group(group).column(self._at)

    def add(self, pages: Iterator[Page], limits: TableLimits) -> None:
        """Count the pages of a row group."""
        for page in pages:
            self.count += page.count
            self.pages_bytes += page.decoded_size
            # A value's text lies in one page.
            self.longest = max(self.longest, page.decoded_size)
            limits.check_bytes(self.pages_bytes)
            limits.check_cells(self.count)


def _pages(body: bytes, chunk: Any) -> Iterator[Page]:
    """The pages of one column in one row group."""
    at = chunk.data_page_offset
    if chunk.has_dictionary_page and 0 < chunk.dictionary_page_offset < at:
        at = chunk.dictionary_page_offset
    end = at + chunk.total_compressed_size
    if at < 0 or end > len(body):
        raise InvalidInput("A part of the Parquet file lies beyond its end.")
    while at < end:
        page, at = read_page(body, at)
        yield page


def _measure(file: Any, column: _Column, limits: TableLimits, decoded: int) -> int:
    """The bytes of a column's texts, decoded a piece at a time."""
    rows = max(1, min(65536, limits.decoded_bytes // PIECES // max(column.longest, 1)))
    measured = 0
    for batch in file.iter_batches(batch_size=rows, columns=[column.path], use_threads=False):
        measured += batch.nbytes
        limits.check_bytes(decoded + measured)
    return measured
