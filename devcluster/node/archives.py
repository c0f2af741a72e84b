"""Image archives: writes small images, and reads the names in any archive."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devcluster.errors import DevclusterError


@dataclass(frozen=True)
class SmallImage:
    """An image with one layer of static programs.

    Attributes:
        name: Full name with tag.
        programs: Path in the image to file on this machine.
        entrypoint: The command of a container.
        links: Symbolic links in the image, path to target.
    """

    name: str
    programs: Mapping[str, Path]
    entrypoint: tuple[str, ...]
    links: Mapping[str, str] = field(default_factory=dict)


def write_archive(image: SmallImage, target: Path) -> None:
    """Write an image as `docker save` would. Same content, same bytes: no times, no owners."""
    layer = _layer(image)
    settings: dict[str, Any] = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()],
        "os": "linux",
        "config": {"Entrypoint": list(image.entrypoint), "Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
        "history": [{"created_by": "davit devcluster"}],
    }
    configuration = json.dumps(settings, sort_keys=True).encode()
    name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [image.name], "Layers": ["layer.tar"]}]
    with tarfile.open(target, "w") as archive:
        _add(archive, "manifest.json", json.dumps(manifest).encode())
        _add(archive, name, configuration)
        _add(archive, "layer.tar", layer)


@dataclass(frozen=True)
class ArchivedImage:
    """An image listed in an archive.

    Attributes:
        names: Full names with tags.
        identity: The image's id, "sha256:..." of its configuration.
    """

    names: tuple[str, ...]
    identity: str


def read_archive(path: Path) -> list[ArchivedImage]:
    """List the images of a docker-archive or an OCI archive.

    Raises:
        DevclusterError: It is neither.
    """
    try:
        with tarfile.open(path) as archive:
            members = set(archive.getnames())
            if "manifest.json" in members:
                return _read_docker(archive)
            if "index.json" in members:
                return _read_oci(archive)
    except (tarfile.TarError, ValueError, KeyError) as error:
        raise DevclusterError(f"{path} is not a readable image archive: {error}") from error
    raise DevclusterError(
        f"{path} is not an image archive: write one with `buildah push NAME docker-archive:{path}`"
    )


def _read_docker(archive: tarfile.TarFile) -> list[ArchivedImage]:
    entries = json.loads(_content(archive, "manifest.json"))
    return [
        ArchivedImage(tuple(entry.get("RepoTags") or ()), _identity(archive, entry["Config"]))
        for entry in entries
    ]


def _read_oci(archive: tarfile.TarFile) -> list[ArchivedImage]:
    found = []
    for entry in json.loads(_content(archive, "index.json"))["manifests"]:
        manifest = json.loads(_content(archive, f"blobs/{entry['digest'].replace(':', '/')}"))
        notes = entry.get("annotations") or {}
        name = notes.get("io.containerd.image.name") or notes.get("org.opencontainers.image.ref.name")
        found.append(ArchivedImage((name,) if name else (), manifest["config"]["digest"]))
    return found


def _identity(archive: tarfile.TarFile, configuration: str) -> str:
    return f"sha256:{hashlib.sha256(_content(archive, configuration)).hexdigest()}"


def _content(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    return member.read()


def _layer(image: SmallImage) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as layer:
        for folder in _folders([*image.programs, *image.links]):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            layer.addfile(entry)
        for path, program in sorted(image.programs.items()):
            _add(layer, path.lstrip("/"), program.read_bytes(), mode=0o755)
        for path, target in sorted(image.links.items()):
            entry = tarfile.TarInfo(path.lstrip("/"))
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            layer.addfile(entry)
    return buffer.getvalue()


def _folders(paths: Iterable[str]) -> list[str]:
    """Return the folders of the files, and /tmp, which many programs expect."""
    found = {"tmp"}
    for path in paths:
        found.update(str(parent).lstrip("/") for parent in Path(path).parents if str(parent) != "/")
    return sorted(found)


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
