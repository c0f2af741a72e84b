"""The engine Buildah, as root, for machines without Docker and perhaps without an image registry."""

from __future__ import annotations

import os
from pathlib import Path

from devcluster.binaries.build import ensure_binary
from devcluster.commands import run
from devcluster.errors import DevclusterError
from devcluster.images.base import BASE, ensure_base, ensure_program_builder, program_builder
from devcluster.images.building import certificate_secret, run_build
from devcluster.images.catalog import ROOT, Image
from devcluster.images.debian import install_missing
from devcluster.images.storage import forget_image, image_id, image_label, image_size

_EXPORT_SECONDS = 10 * 60.0
_PROGRAMS = ("versitygw", "fake-gcs-server")  # images of one Go program, which this machine builds anyway


class Buildah:
    """Images in buildah's storage; the base comes from Debian packages instead of a registry."""

    name = "buildah"
    registry = False

    def prepare(self, images: list[Image]) -> None:
        """Install buildah and debootstrap and create the base; takes a second when all exists."""
        if os.geteuid() != 0:
            raise DevclusterError("building images without Docker needs root: start Docker, or run as root")
        install_missing({"buildah": "buildah", "debootstrap": "debootstrap"})
        ensure_base()
        for image in images:
            if image.name in _PROGRAMS:
                ensure_program_builder(ensure_binary(image.name))

    def arguments(self, image: Image) -> dict[str, str]:
        """Return build arguments that replace the images that Docker would pull."""
        if image.name in _PROGRAMS:
            return {"BUILD_IMAGE": program_builder(ensure_binary(image.name))}
        return {"BASE_IMAGE": BASE}

    def label(self, reference: str, label: str) -> str | None:
        """Return a label of an image, or nothing when it does not exist."""
        return image_label(reference, label)

    def build(self, image: Image, labels: dict[str, str], log: Path) -> None:
        """Build with chroot isolation, which needs no privileges that a container lacks."""
        before = image_id(image.reference)
        run_build(self.build_command(image, labels), image, log)
        if before and before != image_id(image.reference):
            forget_image(before)

    def build_command(self, image: Image, labels: dict[str, str]) -> list[str]:
        """Return the command line; layers are cached so that a change rebuilds only what follows it."""
        arguments = self.arguments(image)
        return [
            *("buildah", "build-using-dockerfile", "--layers", "--pull-never"),
            *("--isolation", "chroot", "--network", "host"),
            *("--tag", image.reference, "--file", str(ROOT / image.dockerfile)),
            *(word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")),
            *(word for name, value in labels.items() for word in ("--label", f"{name}={value}")),
            *certificate_secret(),
            str(ROOT / image.context),
        ]

    def size(self, reference: str) -> int:
        """Return the size of an image in bytes."""
        return image_size(reference)

    def export(self, reference: str, archive: Path) -> None:
        """Write an image as a Docker archive."""
        target = f"docker-archive:{archive}:{reference}"
        run(["buildah", "push", "--quiet", reference, target], timeout=_EXPORT_SECONDS)
