"""Backups and their layout: one folder each, in the artifact store or on a volume.

    20261121T023000Z-scheduled/
        database.dump       in the format of the database's own dump program
        users.dump          the database of users, where MLflow had users
        artifacts.jsonl.gz  every file of the artifact store: path, size, ETag
        backup.json         the manifest; written last, so that it marks a complete backup

BACKUP_DESTINATION is an address that MLflow's artifact repositories understand; they find the store's own
credentials.
"""

import gzip
import hashlib
import json
import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from artifacts import list_artifacts
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

MANIFEST = "backup.json"
PARTS = ("database", "users")
LISTING = "artifacts.jsonl.gz"
TIME = "%Y%m%dT%H%M%SZ"

logger = logging.getLogger("backups")

Manifest = dict[str, Any]


class Backups:
    """All backups of one stack."""

    def __init__(self, destination: str | None = None) -> None:
        self.destination = destination or os.environ["BACKUP_DESTINATION"]
        self._repository = get_artifact_repository(self.destination)

    def names(self) -> list[str]:
        """Return the names of complete backups, oldest first."""
        folders = [entry.path for entry in self._repository.list_artifacts() if entry.is_dir]
        return sorted(name for name in folders if self._is_whole(name))

    def save(self, folder: Path, kind: str, about: Mapping[str, Manifest]) -> str:
        """Store dumps together with a listing of the artifacts.

        Args:
            folder: Where the dumps are.
            kind: Why there is a backup: `scheduled` or `migration`. Each kind has its own retention.
            about: The manifest's entries for the dumped databases, by the dumps' names.

        Returns:
            The backup's name.
        """
        name = f"{datetime.now(UTC).strftime(TIME)}-{kind}"
        dumps = {part: folder / f"{part}.dump" for part in about}
        described = {
            part: {"size": dump.stat().st_size, "sha256": sha256(dump), **about[part]}
            for part, dump in dumps.items()
        }
        with tempfile.TemporaryDirectory() as work:
            listing, manifest = Path(work) / LISTING, Path(work) / MANIFEST
            artifacts = write_listing(listing)
            manifest.write_text(json.dumps({"name": name, **described, "artifacts": artifacts}, indent=2))
            for file in (*dumps.values(), listing, manifest):
                self._repository.log_artifact(str(file), name)
        return name

    def fetch(self, name: str, folder: Path) -> Manifest:
        """Download a backup's files into a folder.

        Raises:
            ValueError: A dump differs from the one that was saved.
        """
        for file in (MANIFEST, LISTING):
            self._repository.download_artifacts(f"{name}/{file}", str(folder))
        here = folder / name
        manifest: Manifest = json.loads((here / MANIFEST).read_text())
        for part in dump_names(manifest):
            dump = f"{name}/{part}.dump"
            self._repository.download_artifacts(dump, str(folder))
            if sha256(folder / dump) != manifest[part]["sha256"]:
                raise ValueError(f"{dump} is damaged: its checksum is not the one in {MANIFEST}")
        return manifest

    def prune(self, kind: str, keep: int) -> list[str]:
        """Delete all but the newest backups of a kind, and return the deleted names."""
        old = [name for name in self.names() if name.endswith(f"-{kind}")][:-keep]
        for name in old:
            # The manifest first: a partly deleted folder must not count as a backup. The rest in one call:
            # Azure's client fails to delete a folder whose files are gone.
            self._repository.delete_artifacts(f"{name}/{MANIFEST}")
            self._repository.delete_artifacts(name)
        return old

    def _is_whole(self, name: str) -> bool:
        return f"{name}/{MANIFEST}" in {entry.path for entry in self._repository.list_artifacts(name)}


def dump_names(manifest: Manifest) -> list[str]:
    """Return the dumps in a backup; backups of releases that did not back up users have one."""
    return [part for part in PARTS if part in manifest]


def write_listing(path: Path) -> Manifest:
    """Write one line per artifact; return the totals."""
    files = size = 0
    with gzip.open(path, "wt") as lines:
        for entry in list_artifacts():
            lines.write(json.dumps(entry) + "\n")
            files += 1
            size += entry["size"] or 0
    return {"location": os.environ["MLFLOW_ARTIFACTS_DESTINATION"], "files": files, "bytes": size}


def read_listing(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the entries of a listing."""
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def sha256(path: Path) -> str:
    """Return the SHA-256 checksum of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
