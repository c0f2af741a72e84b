"""Folders that must exist on the host so that nodes can mount their own over them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_RECORD = ".mount-points"


def ensure_mount_points(root: Path, targets: Iterable[str]) -> None:
    """Create missing folders, and record them."""
    missing = [target for target in targets if not Path(target).exists()]
    if not missing:
        return
    root.mkdir(parents=True, exist_ok=True)
    with (root / _RECORD).open("a") as record:
        record.writelines(f"{target}\n" for target in missing)
    for target in missing:
        Path(target).mkdir(parents=True, exist_ok=True)


def remove_mount_points(root: Path) -> None:
    """Remove the folders created here, and the clusters' common folder, once no cluster is left.

    Not earlier: removing a folder also removes what another namespace has mounted over it.
    """
    if not root.exists() or any(path.is_dir() for path in root.iterdir()):
        return
    record = root / _RECORD
    for target in record.read_text().split() if record.exists() else []:
        _remove_if_empty(Path(target))
    record.unlink(missing_ok=True)
    _remove_if_empty(root)


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
