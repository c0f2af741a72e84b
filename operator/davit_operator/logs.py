"""Log lines: one JSON object each in a cluster, plain text for a person at a console."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal


class JsonFormatter(logging.Formatter):
    """One JSON object per line; a traceback is one of its strings."""

    def format(self, record: logging.LogRecord) -> str:
        """The line without its end."""
        fields = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields)


def configure_logging(level: str, style: Literal["json", "console"]) -> None:
    """Sends every line to standard error in one style."""
    handler = logging.StreamHandler()
    console = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else console)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their debug lines hold whole answers of the API server and stores, Secrets included; kopf and httpx
    # say at the level of information what each event and request was.
    for name in ("kopf", "kubernetes", "botocore", "boto3", "urllib3", "httpcore", "httpx", "aiohttp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
