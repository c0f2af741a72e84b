"""The interface of engines, and the choice of one."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from devcluster.errors import DevclusterError
from devcluster.images.buildah import Buildah
from devcluster.images.catalog import Image
from devcluster.images.docker import Docker

ENGINES = ("auto", "docker", "buildah")


class Engine(Protocol):
    """Builds and keeps images.

    Attributes:
        name: Its name on the command line.
        registry: Whether it pulls official images.
    """

    name: str
    registry: bool

    def prepare(self, images: list[Image]) -> None:
        """Install or create what the builds require; do nothing when it exists."""

    def arguments(self, image: Image) -> dict[str, str]:
        """Return build arguments, which are part of the image's inputs."""

    def label(self, reference: str, label: str) -> str | None:
        """Return a label of an image, or nothing when the engine does not have the image."""

    def build(self, image: Image, labels: dict[str, str], log: Path) -> None:
        """Build one image.

        Raises:
            DevclusterError: The build failed; the message ends with its last output.
        """

    def size(self, reference: str) -> int:
        """Return the size of an image in bytes, unpacked, base included."""

    def export(self, reference: str, archive: Path) -> None:
        """Write an image as a Docker archive, which `ctr images import` and kind read."""


def choose_engine(name: str = "auto") -> Engine:
    """Return the engine by name, or the one that this machine has.

    Raises:
        DevclusterError: Docker was chosen and no engine answers.
    """
    docker = Docker()
    if name == "docker" and not docker.answers():
        raise DevclusterError(
            "no Docker engine answers: start one, or use --engine buildah (Debian, as root)"
        )
    if name == "docker" or (name == "auto" and docker.answers()):
        return docker
    return Buildah()
