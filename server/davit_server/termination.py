"""The termination message: the reason why a process cannot serve, for Kubernetes."""

import json
import logging
from pathlib import Path

from davit_server.errors import ModelRejected

logger = logging.getLogger(__name__)

MAX_BYTES = 4096
"""Kubernetes keeps at most this much."""


class TerminationLog:
    """The file that Kubernetes reads after the container has ended.

    Args:
        path: Ignored when the file does not exist, as on a laptop.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, rejection: ModelRejected) -> None:
        """Write class, stage, reason, cause and cure."""
        fields = rejection.as_dict()
        over = len(json.dumps(fields)) - MAX_BYTES
        if over > 0:
            fields["cause"] = fields["cause"][: -over - 3] + "…"
        self._write_text(json.dumps(fields, ensure_ascii=False))

    def write_provisional(self, rejection: ModelRejected) -> None:
        """Write a message that applies if the system kills the process without warning."""
        self.write(rejection)

    def write_unfinished(self, unfinished: ModelRejected | None) -> int:
        """Write a message if loading took too long before the process was ended; return the exit code.

        Args:
            unfinished: The rejection, if loading has taken so long that it probably hangs and was ended by
                Kubernetes; None if nothing went wrong.
        """
        if unfinished is None:
            self.clear()
            return 0
        self.write(unfinished)
        logger.error("ended before the model was ready", extra={"fields": unfinished.as_dict()})
        return 1

    def clear(self) -> None:
        """Remove the message: there is nothing to report."""
        self._write_text("")

    def _write_text(self, text: str) -> None:
        if not self._path.exists():
            return
        try:
            self._path.write_text(text, encoding="utf-8")
        except OSError as failure:
            logger.warning("the termination message could not be written: %s", failure.strerror)


def ended_while_loading(limit: int | None, files: int) -> ModelRejected:
    """Return the most likely reason for an end without any warning during loading.

    Args:
        limit: The memory limit in bytes, if there is one.
        files: Bytes of the model's files.
    """
    allowed = f"the memory limit is {limit // 2**20} MiB" if limit else "there is no memory limit"
    return ModelRejected(
        "load",
        "KilledWhileLoading",
        "The process ended without an error while loading the model. Most likely it was killed because "
        f"memory ran out (the model's files have {files // 2**20} MiB; {allowed}); if its exit code is not "
        "137, a library crashed, or the model's code ended the process itself (os._exit).",
        "Raise spec.resources.limits.memory.",
    )
