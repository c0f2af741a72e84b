"""What an engine can do, and which one this machine has."""

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
        name: As on the command line.
        registry: Whether it pulls official images.
    """

    name: str
    registry: bool

    def prepare(self, images: list[Image]) -> None:
        """Install or make what the builds stand on; does nothing when it is there."""

    def arguments(self, image: Image) -> dict[str, str]:
        """Build arguments, which are part of the image's inputs."""

    def label(self, reference: str, label: str) -> str | None:
        """A label of an image, or nothing when the engine does not have the image."""

    def build(self, image: Image, labels: dict[str, str], log: Path) -> None:
        """Build one image.

        Raises:
            DevclusterError: The build failed; the message ends with what it said last.
        """

    def size(self, reference: str) -> int:
        """Bytes of an image, unpacked, base included."""

    def export(self, reference: str, archive: Path) -> None:
        """Write an image as a Docker archive, which `ctr images import` and kind read."""


def choose_engine(name: str = "auto") -> Engine:
    """The engine by name, or the one that this machine has.

    Raises:
        DevclusterError: Docker was asked for and no engine answers.
    """
    docker = Docker()
    if name == "docker" and not docker.answers():
        raise DevclusterError(
            "no Docker engine answers: start one, or use --engine buildah (Debian, as root)"
        )
    if name == "docker" or (name == "auto" and docker.answers()):
        return docker
    return Buildah()
