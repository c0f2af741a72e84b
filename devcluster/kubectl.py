"""Runs the kubectl of the cluster's own version."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from devcluster.commands import MINUTE, run


class Kubectl:
    """The program kubectl, bound to one kubeconfig."""

    def __init__(self, program: Path, kubeconfig: Path) -> None:
        self._command = [str(program), f"--kubeconfig={kubeconfig}"]

    def run(self, arguments: Sequence[str], *, text: str | None = None, timeout: float = MINUTE) -> str:
        """Run kubectl and return its output.

        Raises:
            DevclusterError: It failed.
        """
        return run([*self._command, *arguments], text=text, timeout=timeout)
