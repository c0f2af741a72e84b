"""Runs the `kubectl` program with one kubeconfig."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import IO, Any

from devcluster.commands import CommandFailed, run
from devcluster.errors import DevclusterError

Object = dict[str, Any]


class Kubectl:
    """Runs kubectl. Objects are plain dictionaries, as in their YAML."""

    def __init__(self, kubeconfig: Path, program: str | None = None) -> None:
        self._program = program or shutil.which("kubectl") or "kubectl"
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}

    def __call__(self, *arguments: str, text: str | None = None, timeout: float = 120.0) -> str:
        """Run one kubectl command and return what it printed.

        Raises:
            CommandFailed: kubectl failed; the message contains its output.
        """
        return run([self._program, *arguments], text=text, environment=self.environment, timeout=timeout)

    def get(self, *arguments: str) -> Object:
        """Run `kubectl get … -o json`."""
        found: Object = json.loads(self("get", *arguments, "-o", "json"))
        return found

    def find(self, *arguments: str) -> Object | None:
        """Get an object, or None when it does not exist."""
        try:
            return self.get(*arguments)
        except CommandFailed as error:
            if "NotFound" in error.output:
                return None
            raise

    def apply(self, *objects: Object, text: str | None = None) -> str:
        """Run `kubectl apply` for some objects, or for the text of a manifest."""
        manifest = text or json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        return self("apply", "-f", "-", text=manifest)

    def ensure_namespace(self, name: str) -> None:
        """Create a namespace unless it exists."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    @contextmanager
    def forward(self, namespace: str, target: str, port: int) -> Iterator[str]:
        """Run `kubectl port-forward` while the block runs; yield the base URL on this machine's loopback.

        It goes to one pod and ends with that pod, so keep the block short.
        """
        arguments = ["port-forward", "--namespace", namespace, target, f":{port}"]
        with subprocess.Popen(
            [self._program, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            # kubectl reports every connection; if nothing read that output, it would block in the end.
            reader = Thread(target=_drain, args=(process.stdout,), daemon=True)
            try:
                announced = _announced_port(process)
                reader.start()
                yield f"http://127.0.0.1:{announced}"
            finally:
                process.terminate()
                if reader.ident:
                    reader.join()


def _announced_port(process: "subprocess.Popen[str]") -> str:
    printed: list[str] = []
    for line in process.stdout or ():
        if announced := re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", line):
            return announced[1]
        printed.append(line)
    raise DevclusterError(f"kubectl port-forward did not start: {''.join(printed).strip()}")


def _drain(output: IO[str]) -> None:
    for _ in output:
        pass
