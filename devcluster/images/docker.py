"""Docker, where an engine answers."""

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
        """Whether there is an engine behind the client."""
        return succeeds(["docker", "version", "--format", "{{.Server.Version}}"])

    def prepare(self, images: list[Image]) -> None:
        """Docker pulls what it needs."""

    def arguments(self, image: Image) -> dict[str, str]:
        """The Dockerfiles' defaults are made for Docker."""
        del image
        return {}

    def label(self, reference: str, label: str) -> str | None:
        """A label of an image, or nothing when it is not there."""
        template = f'{{{{index .Config.Labels "{label}"}}}}'
        try:
            return run(["docker", "image", "inspect", "--format", template, reference]).strip() or None
        except DevclusterError:
            return None

    def build(self, image: Image, labels: dict[str, str], log: Path) -> None:
        """Build with BuildKit."""
        run_build(self.build_command(image, labels), image, log)

    def build_command(self, image: Image, labels: dict[str, str]) -> list[str]:
        """The command line; `docker build` reads the same Dockerfile with the same secret as buildah."""
        marks = [word for name, value in labels.items() for word in ("--label", f"{name}={value}")]
        return [
            *("docker", "build", "--tag", image.reference, "--file", str(ROOT / image.dockerfile)),
            *marks,
            *certificate_secret(),
            str(ROOT / image.context),
        ]

    def size(self, reference: str) -> int:
        """Bytes of an image."""
        return int(run(["docker", "image", "inspect", "--format", "{{.Size}}", reference]))

    def export(self, reference: str, archive: Path) -> None:
        """Write an image as a Docker archive."""
        run(["docker", "save", "--output", str(archive), reference], timeout=_EXPORT_SECONDS)
