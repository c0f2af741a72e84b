"""The interface of providers: every kind of cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Finding:
    """One line of `status`.

    Attributes:
        well: Whether this part is in the expected state.
        text: The part and its state.
    """

    well: bool
    text: str


class Provider(Protocol):
    """A way to run a cluster. Failures are `DevclusterError`s."""

    def up(self) -> None:
        """Create the cluster, or repair it; harmless when it runs."""

    def load(self, images: Sequence[str]) -> None:
        """Load images from this machine into the cluster."""

    def status(self) -> list[Finding]:
        """Report what runs and what does not."""

    def kubeconfig(self) -> Path:
        """Return the path of a kubeconfig, mode 0600, whose only context is this cluster."""

    def down(self) -> None:
        """Remove the cluster and everything it left on this machine."""
