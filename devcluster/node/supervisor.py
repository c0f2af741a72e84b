"""Starts, checks and ends the processes of a node."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from devcluster.commands import run
from devcluster.errors import DevclusterError
from devcluster.node.cgroups import ControlGroup
from devcluster.node.components import Component
from devcluster.node.namespaces import Namespaces
from devcluster.node.paths import Paths
from devcluster.node.processes import Record, end, identify, is_alive, read_record, write_record

_LOG_BYTES = 50 * 1024 * 1024
_POLL_SECONDS = 0.2
_PATIENCE_SECONDS = 15
_HANGING_SECONDS = 20

# Joins the control groups, records its own id, then executes the component.
_START = """
note="$1"; shift
while [ "$1" != -- ]; do echo $$ > "$1" || exit 1; shift; done
shift
echo $$ > "$note.new" && mv "$note.new" "$note"
exec "$@"
"""


class ComponentFailed(DevclusterError):
    """A component did not become healthy.

    Attributes:
        component: Its name.
    """

    def __init__(self, component: str, message: str) -> None:
        super().__init__(message)
        self.component = component


class Supervisor:
    """The processes of one cluster."""

    def __init__(self, paths: Paths, namespaces: Namespaces, group: ControlGroup) -> None:
        self._paths = paths
        self._namespaces = namespaces
        self._group = group

    def runs(self, component: Component) -> bool:
        """Return whether the process started for this component is alive, whatever its health."""
        record = read_record(self.record_path(component))
        return record is not None and is_alive(record.identity)

    def is_well(self, component: Component) -> bool:
        """Return whether the component is alive and reports that it is healthy."""
        if not self.runs(component):
            return False
        if component.health:
            return self._answers(component.health)
        return self._serves_kubernetes()

    def ensure(self, component: Component) -> bool:
        """Start a component unless it is healthy with its current command line and configuration.

        Returns:
            Whether it had to be started.
        """
        record = read_record(self.record_path(component))
        if record is not None and is_alive(record.identity):
            if record.fingerprint == self._fingerprint(component) and not self._hangs(component):
                return False
            end(record.identity, patience=_PATIENCE_SECONDS)
        self._start(component)
        return True

    def wait(self, component: Component, *, seconds: float) -> None:
        """Wait until a component is healthy.

        Raises:
            ComponentFailed: It ended or did not become healthy in time; the message quotes its last line.
        """
        deadline = time.monotonic() + seconds
        while not self.is_well(component):
            if not self.runs(component):
                raise ComponentFailed(
                    component.name, f"{component.name} ended: {self._last_words(component)}"
                )
            if time.monotonic() > deadline:
                message = (
                    f"{component.name} is not healthy after {seconds:.0f} s: {self._last_words(component)}"
                )
                raise ComponentFailed(component.name, message)
            time.sleep(_POLL_SECONDS)

    def log(self, component: Component) -> Path:
        """Return the path of a component's log."""
        return self._paths.logs / f"{component.name}.log"

    def _serves_kubernetes(self) -> bool:
        """Return whether containerd's CRI works; on damaged data containerd runs without it."""
        try:
            plugins = run(["ctr", "--address", str(self._paths.socket), "plugins", "list"], timeout=10)
        except DevclusterError:
            return False
        rows = [row.split() for row in plugins.splitlines()]
        return any(row[1:2] == ["cri"] and row[-1] == "ok" for row in rows)

    def _hangs(self, component: Component) -> bool:
        """Return whether a component is alive but not healthy, after a moment for its dependencies."""
        deadline = time.monotonic() + _HANGING_SECONDS
        while not self.is_well(component):
            if time.monotonic() > deadline:
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _start(self, component: Component) -> None:
        note = self._paths.processes / f"{component.name}.pid"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        entrances = [str(path) for path in self._group.entrances()]
        command = [*self._namespaces.enter(), *component.arguments]
        start = ["setsid", "--fork", "sh", "-c", _START, "start", str(note), *entrances, "--", *command]
        run(
            [
                "sh",
                "-c",
                'log="$1"; shift; exec "$@" >>"$log" 2>&1 </dev/null',
                "log",
                self._fresh_log(component),
                *start,
            ]
        )
        identity = identify(_noted_pid(note, component))
        if identity is None:
            raise ComponentFailed(component.name, f"{component.name} ended: {self._last_words(component)}")
        write_record(self.record_path(component), Record(identity, self._fingerprint(component)))

    def record_path(self, component: Component) -> Path:
        """Return the path of the component's process record."""
        return self._paths.processes / f"{component.name}.json"

    def _fingerprint(self, component: Component) -> str:
        digest = hashlib.sha256("\0".join(component.arguments).encode())
        program = shutil.which(component.arguments[0]) or component.arguments[0]
        digest.update(str(Path(program).resolve()).encode())
        for argument in component.arguments:
            file = Path(argument.rpartition("=")[2])
            if self._paths.configuration in file.parents and file.is_file():
                digest.update(file.read_bytes())
        return digest.hexdigest()

    def _fresh_log(self, component: Component) -> str:
        log = self.log(component)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        return str(log)

    def _last_words(self, component: Component) -> str:
        log = self.log(component)
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return f"{lines[-1][-300:] if lines else 'it wrote nothing'} (more in {log})"

    def _answers(self, url: str) -> bool:
        trust = ssl.create_default_context(cafile=str(self._paths.pki / "ca.crt"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # no proxy: the node is on this machine
            urllib.request.HTTPSHandler(context=trust),
        )
        try:
            with opener.open(url, timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False


def _noted_pid(note: Path, component: Component) -> int:
    deadline = time.monotonic() + 30
    while not note.exists():
        if time.monotonic() > deadline:
            raise ComponentFailed(
                component.name, f"{component.name} could not be started (see {note.parent})"
            )
        time.sleep(0.02)
    return int(note.read_text())
