"""Log lines: one JSON object per line in a cluster, plain text on a console."""

import json
import logging
from datetime import UTC, datetime
from typing import Literal


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON; a traceback is one of its strings."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a newline."""
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
    """Send all log lines to standard error in one style."""
    handler = logging.StreamHandler()
    console = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s  %(message)s")
    handler.setFormatter(JsonFormatter() if style == "json" else console)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Their debug lines contain whole responses of the API server and stores, Secrets included; kopf and httpx
    # log every event and request at level INFO.
    for name in ("kopf", "kubernetes", "botocore", "boto3", "urllib3", "httpcore", "httpx", "aiohttp"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
