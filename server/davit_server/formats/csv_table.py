"""Read CSV tables, which are measured before pandas reads them."""

import csv
import io
import threading
from typing import Any

from davit_server.errors import InvalidInput
from davit_server.formats.limits import TableLimits

MAX_REPEATED_NAMES = 100
"""pandas searches the whole header for each repeated name."""
MAX_INDEX_FIELDS = 16
"""Most fields that a line may have beyond the header; pandas makes an index of them."""

_field_size = threading.Lock()
"""Held while the csv module's limit, which applies to the whole process, is changed."""


def read_csv(text: str, types: dict[str, Any] | None, limits: TableLimits) -> Any:
    """Return the table as pandas reads it.

    Args:
        text: The body.
        types: The known types of columns.
        limits: Limits of its size.

    Raises:
        InvalidInput: pandas could not read the header in reasonable time.
        TooLarge: There are more rows or cells than allowed.
        Exception: pandas cannot read the table.
    """
    import pandas as pd

    columns = _columns(text)
    limits.check_table(0, columns)
    # One row more than allowed is enough to detect an excess; no more is ever built.
    rows = min(limits.rows, limits.cells // max(columns, 1)) + 1
    table = pd.read_csv(io.StringIO(text), dtype=types, nrows=rows)
    limits.check_table(len(table), columns)
    return table


def _columns(text: str) -> int:
    """Return the number of columns, those of the index included.

    Raises:
        InvalidInput: Too many names repeat, or the first line does not fit the header.
    """
    header, first = _first_records(text)
    named = [name for name in header if name]
    if len(named) - len(set(named)) > MAX_REPEATED_NAMES:
        raise InvalidInput(
            f"The header of the CSV table repeats more than {MAX_REPEATED_NAMES} names; "
            "each column needs its own."
        )
    if len(first) - len(header) > MAX_INDEX_FIELDS:
        raise InvalidInput("The first line of the CSV table has more fields than its header has names.")
    return max(len(header), len(first))


def _first_records(text: str) -> tuple[list[str], list[str]]:
    """Return the header and the first line of values, each empty where there is none."""
    with _field_size:
        usual = csv.field_size_limit(len(text) + 1)
        try:
            records = filter(_is_not_blank, filter(None, csv.reader(io.StringIO(text, newline=""))))
            return next(records, []), next(records, [])
        finally:
            csv.field_size_limit(usual)


def _is_not_blank(record: list[str]) -> bool:
    """Return whether pandas keeps a line."""
    return len(record) > 1 or any(map(str.strip, record))
