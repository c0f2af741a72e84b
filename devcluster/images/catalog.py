"""The catalog of images: their names and inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from devcluster.errors import DevclusterError

ROOT = Path(__file__).parents[2]
REGISTRY_HOST = "davit.dev"  # not Docker Hub's namespace, so that nothing is pulled from there by mistake

_STACK = Path("charts/mlflow-stack/images")
_SHARED = (".dockerignore", "pyproject.toml", "uv.lock", "LICENSE", "registry/davit_registry")
_VERSION = re.compile(r"^ARG VERSION=(\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Image:
    """One image.

    Attributes:
        name: The last part of its repository.
        dockerfile: Relative to the repository's root, like every path here.
        context: The folder a build sees.
        inputs: Files and folders whose content decides whether a new build is needed.
        official: Whether a registry offers an equivalent image, so that Docker need not build this.
    """

    name: str
    dockerfile: Path
    context: Path
    inputs: tuple[Path, ...]
    official: bool = False

    @property
    def version(self) -> str:
        """The version that its Dockerfile gives it."""
        found = _VERSION.search((ROOT / self.dockerfile).read_text())
        if found is None:
            raise DevclusterError(f"{self.dockerfile} has no line 'ARG VERSION=...'")
        return found.group(1)

    @property
    def reference(self) -> str:
        """What pods call it: repository and tag."""
        return f"{REGISTRY_HOST}/{self.name}:{self.version}"


def _davit(part: str, *packages: str) -> Image:
    dockerfile = Path(part) / "Dockerfile"
    inputs = (dockerfile, *map(Path, (*_SHARED, *packages)), Path(part) / f"davit_{part}")
    return Image(part, dockerfile, Path(), inputs)


def _stack(name: str, *, official: bool = False) -> Image:
    folder = _STACK / name
    return Image(name, folder / "Dockerfile", folder, (folder,), official)


IMAGES = {
    image.name: image
    for image in (
        _davit("operator", "environment/davit_environment", "resource/davit_resource"),
        _davit("server", "environment/davit_environment"),
        _stack("mlflow"),
        _stack("versitygw"),
        _stack("postgresql", official=True),
    )
}


def choose_images(names: list[str], *, registry: bool) -> list[Image]:
    """Return the named images, or all that a machine needs.

    Args:
        names: Names from the catalog; empty for all.
        registry: Whether official images can be pulled, so that ours are not needed.

    Raises:
        DevclusterError: A name is not in the catalog.
    """
    unknown = sorted(set(names) - IMAGES.keys())
    if unknown:
        raise DevclusterError(f"no image is called {', '.join(unknown)}; there are {', '.join(IMAGES)}")
    if names:
        return [IMAGES[name] for name in names]
    return [image for image in IMAGES.values() if not (registry and image.official)]
