"""Bytes of a model's file to text, within limits."""

from __future__ import annotations

import codecs
import re

from davit_environment.errors import Place, unreadable_file

FILE_BYTES = 256 * 1024
"""Requirements of every model we saw are below 20 KiB."""
MLMODEL_BYTES = 4 * 1024 * 1024
"""A signature needs about 60 bytes for each column, so one of 60 000 columns still fits."""
LOCK_BYTES = 2 * 1024 * 1024
"""That of this project, with 190 packages and all their files, has 1.3 MB."""

_UNEXPECTED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(file: str, data: bytes, limit: int = FILE_BYTES) -> str:
    r"""Decode a file; its lines end with \n afterwards.

    UTF-8 is read with or without a byte order mark, UTF-16 with one, as Windows' shells write it.

    Raises:
        UnusableError: It is larger than the limit in bytes, has another encoding, or has control characters,
            of which two readers may think differently where a line ends.
    """
    if len(data) > limit:
        raise unreadable_file(
            Place(file),
            f"has {len(data)} bytes, and {limit} are allowed",
            "log the model with a shorter file",
        )
    try:
        text = data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as failure:
        line = data[: failure.start].count(b"\n") + 1
        raise unreadable_file(Place(file, line), "is not UTF-8", "save the file as UTF-8") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    found = _UNEXPECTED.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        raise unreadable_file(
            Place(file, line), f"has the control character U+{ord(found.group()):04X}", "remove the character"
        )
    return text
