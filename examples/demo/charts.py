"""Installs and removes the two charts with helm, whatever state an earlier try has left."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devcluster.commands import CommandFailed, run

ROOT = Path(__file__).parents[2]


def _silent(_: str) -> None:
    """Print nothing."""


@dataclass(frozen=True)
class Helm:
    """The helm program with the environment that points it at one cluster.

    Attributes:
        program: Its path.
        environment: The complete environment, with KUBECONFIG.
        say: Prints each command that installs a chart, as a user would type it in the repository's root.
    """

    program: str
    environment: Mapping[str, str]
    say: Callable[[str], None] = _silent

    def install(
        self,
        release: str,
        chart: str,
        namespace: str,
        values: Mapping[str, object] | None = None,
        files: Sequence[str] = (),
        *,
        wait: bool = True,
    ) -> None:
        """Install or upgrade one of our charts and wait until all of it is ready.

        Args:
            release: Name of the release.
            chart: Folder below `charts/`.
            namespace: Created when it is missing.
            values: Single values, by their dotted names.
            files: Names of values files in the chart's folder.
            wait: False for a chart that becomes ready later, or never.
        """
        self._finish_interrupted(release, namespace)
        arguments = ["upgrade", "--install", release, f"charts/{chart}", "--namespace", namespace]
        for file in files:
            arguments += ["--values", f"charts/{chart}/{file}"]
        for key, value in (values or {}).items():
            arguments += ["--set-json", f"{key}={json.dumps(value)}"]
        arguments += ["--create-namespace", *(("--wait", "--timeout", "10m") if wait else ())]
        self.say(f"$ helm {shlex.join(arguments)}")
        self._run(*arguments)

    def is_installed(self, release: str, namespace: str) -> bool:
        """Return whether the release exists, in whatever state."""
        return bool(self._status(release, namespace))

    def values(self, release: str, namespace: str) -> str:
        """Return what `helm get values --all` shows of a release."""
        return self._run("get", "values", release, "--namespace", namespace, "--all", "--output", "json")

    def uninstall(self, release: str, namespace: str) -> None:
        """Remove a release and wait until its objects are deleted; harmless when there is none."""
        arguments = ["uninstall", release, "--namespace", namespace, "--ignore-not-found", "--wait"]
        self._run(*arguments, "--timeout", "5m")

    def _finish_interrupted(self, release: str, namespace: str) -> None:
        """Clean up after a killed helm, which would reject every further command for the release."""
        status = self._status(release, namespace)
        if status in {"pending-install", "uninstalling"}:
            self.uninstall(release, namespace)
        elif status.startswith("pending-"):
            self._run("rollback", release, "--namespace", namespace)

    def _status(self, release: str, namespace: str) -> str:
        try:
            answer = self._run("status", release, "--namespace", namespace, "--output", "json")
        except CommandFailed as error:
            if "not found" in error.output:
                return ""
            raise
        return str(json.loads(answer)["info"]["status"])

    def _run(self, *arguments: str) -> str:
        return run([self.program, *arguments], environment=self.environment, directory=str(ROOT), timeout=900)
