"""Write every page."""

from docs.generate import fields, metrics, reasons
from docs.generate.markdown import DOCS

PAGES = {
    DOCS / "fields.md": fields.render,
    DOCS / "metrics.md": metrics.render,
    DOCS / "reasons.md": reasons.render,
}
"""The function that renders each page."""


def main() -> None:
    """Write all pages, and say so."""
    for path, render in PAGES.items():
        path.write_text(render(), encoding="utf-8")
        print(f"{path.relative_to(DOCS.parent)} written")


if __name__ == "__main__":
    main()
