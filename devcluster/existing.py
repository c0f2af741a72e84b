"""The provider `existing`: a cluster of the user, once its context has been confirmed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from devcluster import progress
from devcluster.binaries.cache import cache_root
from devcluster.commands import run
from devcluster.errors import DevclusterError
from devcluster.provider import Finding

Runner = Callable[..., str]
Prompt = Callable[[str], str]


class ExistingProvider:
    """The current context of the user's kubeconfig."""

    def __init__(
        self,
        confirmed: str | None,
        *,
        runner: Runner = run,
        prompt: Prompt | None = None,
        folder: Path | None = None,
    ) -> None:
        """Describe the cluster.

        Args:
            confirmed: The context's name as the user confirmed it.
            runner: Runs command lines.
            prompt: Prompts the user; none when there is no terminal.
            folder: The folder of the kubeconfig with this one context.
        """
        self._confirmed = confirmed
        self._run = runner
        self._prompt = prompt
        self._folder = folder or cache_root() / "clusters"

    def up(self) -> None:
        """Check that the cluster answers; nothing is created."""
        path = self.kubeconfig()
        self._run(["kubectl", f"--kubeconfig={path}", "get", "--raw", "/readyz"])
        progress.step(f"the cluster of context {self._context()} answers: export KUBECONFIG={path}")

    def load(self, images: Sequence[str]) -> None:
        """Reject images: the nodes of a cluster that devcluster did not create pull from a registry only."""
        raise DevclusterError(
            f"an existing cluster pulls images from a registry: push {', '.join(images)} to one it can reach "
            "and name that registry in the charts' values"
        )

    def status(self) -> list[Finding]:
        """Report whether its API server answers."""
        path = self.kubeconfig()
        try:
            self._run(["kubectl", f"--kubeconfig={path}", "get", "--raw", "/readyz"])
        except DevclusterError as error:
            return [
                Finding(
                    well=False, text=f"context {self._context()}: its API server does not answer ({error})"
                )
            ]
        return [
            Finding(well=True, text=f"context {self._context()}: its API server is healthy"),
            Finding(well=True, text=f"kubeconfig: {path}"),
        ]

    def kubeconfig(self) -> Path:
        """Write a kubeconfig with nothing but the confirmed context, so that it cannot change underneath."""
        context = self._context()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / "existing.kubeconfig"
        text = self._run(
            ["kubectl", "config", "view", "--raw", "--minify", "--flatten", "--context", context]
        )
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(text)
        return path

    def down(self) -> None:
        """Remove only the local kubeconfig; the cluster was not created here and stays as it is."""
        context = self._context()
        (self._folder / "existing.kubeconfig").unlink(missing_ok=True)
        progress.step(f"the cluster of context {context} was not created by devcluster and stays as it is")

    def _context(self) -> str:
        current = self._run(["kubectl", "config", "current-context"]).strip()
        if self._confirmed is None and self._prompt is not None:
            self._confirmed = self._prompt(
                f"Type the name of the context to use (the current one is {current}): "
            ).strip()
        if self._confirmed is None:
            raise DevclusterError(f"confirm the existing cluster by its context's name: --context {current}")
        if self._confirmed != current:
            raise DevclusterError(
                f"you confirmed context {self._confirmed!r} but the current one is {current!r}: "
                f"kubectl config use-context {self._confirmed}"
            )
        return current


def terminal_prompt() -> Prompt | None:
    """Return a function that prompts at the terminal; None when there is no terminal."""
    return input if sys.stdin.isatty() else None
