"""The engine Docker."""

from __future__ import annotations

from pathlib import Path

from devcluster.commands import run, succeeds
from devcluster.errors import DevclusterError
from devcluster.images.building import certificate_secret, run_build
from devcluster.images.catalog import ROOT, Image

_EXPORT_SECONDS = 10 * 60.0


class Docker:
    """Images in Docker's own storage."""

    name = "docker"
    registry = True

    def answers(self) -> bool:
        """Return whether the client reaches an engine."""
        return succeeds(["docker", "version", "--format", "{{.Server.Version}}"])

    def prepare(self, images: list[Image]) -> None:
        """Do nothing: Docker pulls what it needs."""

    def arguments(self, image: Image) -> dict[str, str]:
        """Return no arguments: the Dockerfiles' defaults are for Docker."""
        del image
        return {}

    def label(self, reference: str, label: str) -> str | None:
        """Return a label of an image, or nothing when it does not exist."""
        template = f'{{{{index .Config.Labels "{label}"}}}}'
        try:
            return run(["docker", "image", "inspect", "--format", template, reference]).strip() or None
        except DevclusterError:
            return None

    def build(self, image: Image, labels: dict[str, str], log: Path) -> None:
        """Build with BuildKit."""
        run_build(self.build_command(image, labels), image, log)

    def build_command(self, image: Image, labels: dict[str, str]) -> list[str]:
        """Return the command line; `docker build` reads the same Dockerfile and secret as buildah."""
        marks = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
        return [
            *("docker", "build", "--tag", image.reference, "--file", str(ROOT / image.dockerfile)),
            *marks,
            *certificate_secret(),
            str(ROOT / image.context),
        ]

    def size(self, reference: str) -> int:
        """Return the size of an image in bytes."""
        return int(run(["docker", "image", "inspect", "--format", "{{.Size}}", reference]))

    def export(self, reference: str, archive: Path) -> None:
        """Write an image as a Docker archive."""
        run(["docker", "save", "--output", str(archive), reference], timeout=_EXPORT_SECONDS)
