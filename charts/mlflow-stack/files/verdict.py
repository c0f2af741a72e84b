"""How a Job of this chart ends: with a message for `kubectl describe pod`, and a code that says what helps.

Code 3 means that trying again cannot help; the Jobs' podFailurePolicy then ends them at once.
"""

import logging
import signal
import sys
from pathlib import Path
from typing import NoReturn

ONLY_A_PERSON_HELPS = 3
MESSAGE_BYTES = 4000  # Kubernetes keeps 4096 of them

_MESSAGE = Path("/dev/termination-log")

logger = logging.getLogger("verdict")


def begin() -> None:
    """Log to standard error, and end when told to: nothing has a default action for process 1."""
    logging.basicConfig(format="%(message)s")
    for name in ("verdict", "database", "backups", "migration", "restore", "users"):
        logging.getLogger(name).setLevel(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Told to stop"))


def succeed(message: str) -> None:
    """Leave the sentence that says what was done."""
    logger.info("%s", message)
    _leave(message)


def refuse(message: str) -> NoReturn:
    """End for good: the same would happen again until somebody does what the sentence says."""
    logger.error("%s", message)
    _leave(message)
    sys.exit(ONLY_A_PERSON_HELPS)


def give_up(message: str) -> NoReturn:
    """End this try; the Job may begin another."""
    logger.error("%s", message)
    _leave(message)
    sys.exit(1)


def _leave(message: str) -> None:
    if _MESSAGE.exists():
        _MESSAGE.write_bytes(message.encode()[:MESSAGE_BYTES])
