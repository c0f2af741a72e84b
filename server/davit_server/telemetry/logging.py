"""Structured logs: one JSON object a line, with the fields given as `extra={"fields": {...}}`."""

import json
import logging
import sys
import sysconfig
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

_LIBRARIES = (
    *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(__file__).parents[1]),
    "<frozen ",
)
"""Where code lies that is not the model's: Python's own, installed packages, this server."""

_LONGEST_TEXT = 2000
"""Characters of an exception's text that are logged."""


class JsonFormatter(logging.Formatter):
    """Time, level, logger, message, the constant fields of the process and the record's own fields."""

    def __init__(self, constant: dict[str, str]) -> None:
        super().__init__()
        self._constant = {key: value for key, value in constant.items() if value}

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line of JSON."""
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self._constant,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[1]:
            entry["error"] = describe_failure(record.exc_info[1])
        return json.dumps(entry, default=str)


class ConsoleFormatter(logging.Formatter):
    """The same, for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """Format a record as one line: time, level, message, fields."""
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        fields = " ".join(f"{key}={value}" for key, value in getattr(record, "fields", {}).items())
        line = f"{at} {record.levelname.lower():7} {record.getMessage()} {fields}".rstrip()
        if record.exc_info and record.exc_info[1]:
            line += "\n" + "\n".join(describe_failure(record.exc_info[1])["frames"])
        return line


def describe_failure(failure: BaseException) -> dict[str, list[str] | str]:
    """Describe an exception by type and stack, without its message, which often quotes the input."""
    frames = traceback.extract_tb(failure.__traceback__)[-12:]
    return {
        "type": type(failure).__name__,
        "frames": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def describe_raised(failure: BaseException, *, with_text: bool) -> dict[str, str]:
    """Describe an exception for the author of the model.

    Args:
        failure: The exception as the model raised it.
        with_text: Whether to include its text, which may quote the request.

    Returns:
        The exception's type; the file and line in the model's own code, or where a library raised if
        the model has no code of its own; its text, cut to 2000 characters.
    """
    frames = traceback.extract_tb(failure.__traceback__)
    own = [frame for frame in frames if not _is_library(frame.filename)]
    described = {"exception": type(failure).__name__}
    if place := (own or frames)[-1:]:
        described["at"] = f"{place[0].filename}:{place[0].lineno}"
    if with_text:
        described["text"] = _text_of(failure)
    return described


def _is_library(filename: str) -> bool:
    """Return whether code is installed here, or was where the model was logged."""
    return filename.startswith(_LIBRARIES) or "-packages/" in filename


def _text_of(failure: BaseException) -> str:
    """Return the exception's text; an exception of the model's own class may fail at that too."""
    try:
        return str(failure)[:_LONGEST_TEXT]
    except Exception as second:  # noqa: BLE001  it is the model's code that runs here
        return f"({type(second).__name__} while its text was made)"


def configure_logging(level: str, style: str, constant: dict[str, str], stream: TextIO = sys.stderr) -> None:
    """Send everything this process logs through one handler.

    Args:
        level: The least level that is shown.
        style: `json` or `console`.
        constant: Fields that stand on every JSON line, such as the model's name and version.
        stream: Where the lines go.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(constant) if style == "json" else ConsoleFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    # MLflow quotes column names and values of the input in its warnings: payload stays out of our logs.
    mlflow_logger = logging.getLogger("mlflow")
    mlflow_logger.handlers.clear()
    mlflow_logger.propagate = True
    mlflow_logger.setLevel(logging.CRITICAL)
    # Their lines hold whole URLs, and a presigned URL is a credential.
    for name in ("httpx", "httpcore", "urllib3", "boto3", "botocore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)
