"""The provider `existing`: a cluster somebody already has, once its name has been confirmed."""

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
Question = Callable[[str], str]


class ExistingProvider:
    """The current context of the user's kubeconfig."""

    def __init__(
        self,
        confirmed: str | None,
        *,
        runner: Runner = run,
        ask: Question | None = None,
        folder: Path | None = None,
    ) -> None:
        """Describe the cluster.

        Args:
            confirmed: The name of the context as the user gave it.
            runner: Runs command lines.
            ask: Asks a person; none when nobody can be asked.
            folder: Where the kubeconfig with this one context is kept.
        """
        self._confirmed = confirmed
        self._run = runner
        self._ask = ask
        self._folder = folder or cache_root() / "clusters"

    def up(self) -> None:
        """Check that the cluster answers; nothing is made."""
        path = self.kubeconfig()
        self._run(["kubectl", f"--kubeconfig={path}", "get", "--raw", "/readyz"])
        progress.step(f"the cluster of context {self._context()} answers: export KUBECONFIG={path}")

    def load(self, images: Sequence[str]) -> None:
        """Refuse: only a registry reaches the nodes of a cluster we did not make."""
        raise DevclusterError(
            f"an existing cluster pulls images from a registry: push {', '.join(images)} to one it can reach "
            "and name that registry in the charts' values"
        )

    def status(self) -> list[Finding]:
        """Whether its API server answers."""
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
            Finding(well=True, text=f"context {self._context()}: its API server is well"),
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
        """Forget the cluster; it was not made here and is left as it is."""
        context = self._context()
        (self._folder / "existing.kubeconfig").unlink(missing_ok=True)
        progress.step(f"the cluster of context {context} was not made by devcluster and is left as it is")

    def _context(self) -> str:
        current = self._run(["kubectl", "config", "current-context"]).strip()
        if self._confirmed is None and self._ask is not None:
            self._confirmed = self._ask(
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


def person() -> Question | None:
    """Return a way to ask the person at the terminal; None when nobody is there."""
    return input if sys.stdin.isatty() else None
