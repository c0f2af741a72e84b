"""Ends a Job of this chart with a message for `kubectl describe pod` and an exit code that says what helps.

Code 3 means that a retry cannot help; the Jobs' podFailurePolicy then ends them at once.
"""

import logging
import signal
import sys
from pathlib import Path
from typing import NoReturn

NO_RETRY = 3
MESSAGE_BYTES = 4000  # Kubernetes stores 4096 of them

_MESSAGE = Path("/dev/termination-log")

logger = logging.getLogger("termination")


def begin() -> None:
    """Log to standard error, and end on SIGTERM: process 1 has no default action for it."""
    logging.basicConfig(format="%(message)s")
    for name in ("termination", "database", "backups", "migration", "restore", "users"):
        logging.getLogger(name).setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped by SIGTERM"))


def succeed(message: str) -> None:
    """Write the sentence that says what was done."""
    logger.info("%s", message)
    _write_message(message)


def fail(message: str) -> NoReturn:
    """End without retry: every further try would fail until the cause in the message is removed."""
    logger.error("%s", message)
    _write_message(message)
    sys.exit(NO_RETRY)


def fail_and_retry(message: str) -> NoReturn:
    """End this try; the Job may begin another."""
    logger.error("%s", message)
    _write_message(message)
    sys.exit(1)


def _write_message(message: str) -> None:
    if _MESSAGE.exists():
        _MESSAGE.write_bytes(message.encode()[:MESSAGE_BYTES])
