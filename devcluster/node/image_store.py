"""The images of a cluster, and how they are loaded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from devcluster import progress
from devcluster.commands import CommandFailed, run
from devcluster.errors import DevclusterError
from devcluster.node.archives import SmallImage, read_archive, write_archive

_IMPORT_SECONDS = 600
_DIGEST_COLUMN = 2


class ImageStore:
    """containerd's images, in the part of it that Kubernetes uses."""

    def __init__(self, socket: Path, scratch: Path) -> None:
        """Describe the store.

        Args:
            socket: Where containerd listens.
            scratch: A folder with enough space for the largest image.
        """
        self._ctr = ["ctr", "--address", str(socket), "--namespace", "k8s.io"]
        self._scratch = scratch

    def identity(self, name: str) -> str | None:
        """Return the id ("sha256:...") of the image of that name; None when there is none."""
        listing = run([*self._ctr, "images", "list", f"name=={name}"]).splitlines()[1:]
        if not listing:
            return None
        manifest = json.loads(run([*self._ctr, "content", "get", listing[0].split()[_DIGEST_COLUMN]]))
        return str(manifest.get("config", {}).get("digest"))

    def load(self, image: str) -> None:
        """Load an image unless the cluster has it.

        Args:
            image: The path of an archive, or a name in buildah's storage.

        Raises:
            DevclusterError: There is no such image or archive.
        """
        if Path(image).is_file():
            self._load_archive(Path(image))
        else:
            self._load_from_buildah(image)

    def load_small(self, images: Iterable[SmallImage]) -> None:
        """Load images made of programs of this machine."""
        with TemporaryDirectory(dir=self._scratch) as folder:
            for image in images:
                archive = Path(folder) / "image.tar"
                write_archive(image, archive)
                if read_archive(archive)[0].identity != self.identity(image.name):
                    self._import(archive, [image.name])

    def _load_archive(self, archive: Path) -> None:
        images = read_archive(archive)
        names = [name for image in images for name in image.names]
        if not names:
            raise DevclusterError(f"{archive} holds an image without a name: write it with a name and tag")
        if all(self.identity(name) == image.identity for image in images for name in image.names):
            progress.step(f"{', '.join(names)}: already there")
            return
        self._import(archive, names)
        progress.step(f"{', '.join(names)}: loaded")

    def _load_from_buildah(self, name: str) -> None:
        if buildah_identity(name) == self.identity(name):
            progress.step(f"{name}: already there")
            return
        with TemporaryDirectory(dir=self._scratch) as folder:
            archive = Path(folder) / "image.tar"
            run(
                ["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"],
                timeout=_IMPORT_SECONDS,
            )
            self._import(archive, [name])
        progress.step(f"{name}: loaded")

    def _import(self, archive: Path, names: Iterable[str]) -> None:
        before = {name: self.identity(name) for name in names}
        run([*self._ctr, "images", "import", str(archive)], timeout=_IMPORT_SECONDS)
        for name, identity in before.items():
            if identity is not None and identity != self.identity(name):
                self._forget(identity)

    def _forget(self, identity: str) -> None:
        """Remove an image that a newer one replaced under its name, unless it has another name.

        Kubernetes also keeps every image under its id, so its space would never be freed otherwise. Running
        containers keep the layers that they use.
        """
        rows = [row.split() for row in run([*self._ctr, "images", "list"]).splitlines()[1:]]
        digests = {row[0]: row[_DIGEST_COLUMN] for row in rows}
        names = [name for name, digest in digests.items() if digest == digests.get(identity)]
        if names == [identity]:
            run([*self._ctr, "images", "remove", identity])


def buildah_identity(name: str) -> str:
    """Return the id ("sha256:...") of an image in buildah's local storage.

    Raises:
        DevclusterError: There is no image of that name.
    """
    try:
        listing = run(["buildah", "images", "--no-trunc", "--format", "{{.ID}}", name])
    except CommandFailed as failure:
        raise DevclusterError(
            f"buildah has no image {name!r}: build it first (`buildah images` lists them)"
        ) from failure
    identity = listing.split()[0]
    return identity if identity.startswith("sha256:") else f"sha256:{identity}"
