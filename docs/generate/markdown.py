"""Tables in Markdown."""

from collections.abc import Iterable, Sequence
from pathlib import Path

DOCS = Path(__file__).parents[1]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Render a table; a bar in a cell is escaped, so that it does not begin another cell."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    first, rule, *others = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([first, rule.replace(" ", ""), *others]) + "\n"


def code(text: str) -> str:
    """Render a name as code."""
    return f"`{text}`"
