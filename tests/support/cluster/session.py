"""What a test session does once, however many processes it has, and undoes at its end.

The first process of a session owns a folder, which its workers find through their environment. A cluster that one
worker has started is there for all of them; the first process removes it when they have ended, however that was.
"""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FOLDER = "DAVIT_TEST_SESSION"


def begin() -> None:
    """Make the folder; for the first process alone, before it starts others."""
    os.environ[_FOLDER] = tempfile.mkdtemp(prefix="davit-test-session-")


def once(name: str, act: Callable[[], Any], undo: Sequence[str] = ()) -> Any:
    """Return what an act returns that the first caller performs, while others wait for it.

    An act that raises is tried again by the next caller.

    Args:
        name: Identifies the act in this session.
        act: Its result must be possible in JSON.
        undo: A command that the first process runs at the end, also after an act that was interrupted.
    """
    folder = Path(os.environ[_FOLDER])
    result = folder / f"{name}.json"
    with _exclusively(folder / f"{name}.lock"):
        if not result.exists():
            if undo:
                (folder / f"{name}.undo").write_text(json.dumps(undo))
            result.write_text(json.dumps(act()))
    return json.loads(result.read_text())


def end() -> list[str]:
    """Undo what this session has done, the newest first, and return the commands that failed."""
    folder = Path(os.environ.pop(_FOLDER))
    noted = sorted(folder.glob("*.undo"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    commands = [json.loads(path.read_text()) for path in noted]
    failed = [command for command in commands if subprocess.run(command, check=False).returncode != 0]
    shutil.rmtree(folder)
    return [" ".join(command) for command in failed]


@contextmanager
def _exclusively(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
