"""What every kind of cluster can do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Finding:
    """One line of `status`.

    Attributes:
        well: Whether this part is as it should be.
        text: What it is and how it is, in plain words.
    """

    well: bool
    text: str


class Provider(Protocol):
    """A way to have a cluster. Failures are `DevclusterError`s."""

    def up(self) -> None:
        """Make the cluster, or repair it; harmless when it runs."""

    def load(self, images: Sequence[str]) -> None:
        """Bring images from this machine into the cluster."""

    def status(self) -> list[Finding]:
        """What runs and what does not."""

    def kubeconfig(self) -> Path:
        """The path of a kubeconfig, mode 0600, whose only context is this cluster."""

    def down(self) -> None:
        """Remove the cluster and everything it left on this machine."""
