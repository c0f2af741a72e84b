"""Limit the size of one request: rows, cells and bytes are counted before any of them is built."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from davit_server.errors import TooLarge

BYTES_PER_CELL = 8
"""Memory of a number."""
BYTES_PER_CHARACTER = 4
"""Memory of a character in a numpy array."""

CELLS_PER_COLUMN = 256
"""A column of a data frame takes at least the memory of this many numbers, even with few rows."""

DEFAULT_ROWS = 100_000
DEFAULT_CELLS = 16 * 2**20


@dataclass(frozen=True, slots=True)
class TableLimits:
    """How large the table or tensor of one request may be.

    Attributes:
        rows: Most rows.
        cells: Most rows times columns, or values and lists of a tensor. The server sets it to the largest
            body in bytes, so that only a request that grows when it is read can exceed it.
    """

    rows: int = DEFAULT_ROWS
    cells: int = DEFAULT_CELLS

    @property
    def decoded_bytes(self) -> int:
        """Largest memory of compressed or repeated values, in bytes."""
        return self.cells * BYTES_PER_CELL

    def check_rows(self, rows: int) -> None:
        """Refuse more rows than allowed.

        Raises:
            TooLarge: There are more rows than allowed.
        """
        if rows > self.rows:
            raise TooLarge(f"The request has {rows} rows; at most {self.rows} are allowed. Send it in parts.")

    def check_cells(self, cells: int) -> None:
        """Refuse more cells than allowed.

        Raises:
            TooLarge: There are more cells than allowed.
        """
        if cells > self.cells:
            raise TooLarge(
                f"The request makes a table or tensor of more than the {self.cells} cells allowed. "
                "Send it in parts."
            )

    def check_table(self, rows: int, columns: int) -> None:
        """Refuse a data frame that is too large.

        Raises:
            TooLarge: There are more rows or cells than allowed.
        """
        self.check_rows(rows)
        self.check_cells(max(rows, CELLS_PER_COLUMN) * columns)

    def check_bytes(self, decoded: int) -> None:
        """Refuse values that take more memory than allowed.

        Raises:
            TooLarge: The values take more memory than allowed.
        """
        if decoded > self.decoded_bytes:
            raise TooLarge(
                f"The request's values take more than the {self.decoded_bytes} bytes of memory allowed. "
                "Send it in parts."
            )

    def check_document(self, document: dict[str, Any], *, boxed: bool = True) -> int:
        """Refuse a JSON request in any of MLflow's forms that is too large.

        Args:
            document: The request.
            boxed: Whether it becomes a table or an array, in which every row is as wide as the widest
                and every text as long as the longest.

        Returns:
            Its number of rows; 1 where that is unknown.

        Raises:
            TooLarge: There are too many rows, or the table or array has too many cells or bytes.
        """
        most = 0
        for form in ("dataframe_records", "instances", "inputs", "dataframe_split"):
            if form not in document:
                continue
            value = document[form]
            rows, columns = (_size_of_split if form == "dataframe_split" else _size)(value)
            if not boxed:
                self.check_rows(rows)
            elif _is_plain_array(form, value):
                self.check_rows(rows)
                self.check_cells(rows * columns)
            else:
                self.check_table(rows, columns)
            if boxed:
                self._check_texts(form, value)
            most = max(most, rows)
        return max(most, 1)

    def _check_texts(self, form: str, value: Any) -> None:
        """Refuse texts that take too much memory: numpy stores each as long as the longest of its array."""
        if form not in {"instances", "inputs"}:
            return
        for column in _arrays(value, by_row=form == "instances"):
            number, longest = _texts(column)
            self.check_bytes(number * longest * BYTES_PER_CHARACTER)


def _is_plain_array(form: str, value: Any) -> bool:
    """Return whether a request becomes one array: a list of numbers or lists, without names."""
    return form in {"instances", "inputs"} and isinstance(value, list) and dict not in set(map(type, value))


def _size_of_split(split: Any) -> tuple[int, int]:
    """Return rows and columns of `dataframe_split`, whose index and columns alone can span a table."""
    if not isinstance(split, dict):
        return 1, 1
    rows, columns = _size(split.get("data"))
    return max(rows, _length(split.get("index"))), max(columns, _length(split.get("columns")))


def _size(value: Any) -> tuple[int, int]:
    """Return rows and columns of the table that a list of rows or an object of columns spans."""
    if isinstance(value, list):
        return len(value), _extent(value)
    if isinstance(value, dict):
        return _extent(value.values()), len(value)
    return 1, 1


def _extent(lines: Iterable[Any]) -> int:
    """Return the other dimension of a table: its longest line, or the number of names in its lines."""
    longest, names = 1, set[str]()
    for line in lines:
        if isinstance(line, dict):
            names.update(line)
        elif isinstance(line, list) and len(line) > longest:
            longest = len(line)
    return max(longest, len(names))


def _length(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _arrays(value: Any, *, by_row: bool) -> Iterable[Any]:
    """Return what becomes one array each: a list, or each column of an object or, by row, of objects."""
    if isinstance(value, dict):
        return value.values()
    if not by_row or not isinstance(value, list):
        return (value,)
    columns = defaultdict[str, list[Any]](list)
    for row in value:
        if not isinstance(row, dict):
            return (value,)
        for name, cell in row.items():
            columns[name].append(cell)
    return columns.values()


def _texts(column: Any) -> tuple[int, int]:
    """Return how many values a nested list has, and the length of its longest text; 0 without texts."""
    number, longest = 0, 0
    waiting = [column]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
            continue
        number += 1
        if isinstance(value, str) and len(value) > longest:
            longest = len(value)
    return number, longest
