"""The development cluster and the images in it, by the commands a person would type."""

import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devcluster.commands import run
from devcluster.errors import DevclusterError
from examples.demo.kubectl import Kubectl


@dataclass(frozen=True)
class Cluster:
    """One development cluster, named like that of `python -m devcluster --name NAME --provider PROVIDER`."""

    name: str
    provider: str

    def up(self) -> list[str]:
        """Start it, or repair what is there, and bring Davit's images in. Quick when nothing has changed.

        The images are built meanwhile: they wait for downloads where the cluster's programs need processors.

        Returns:
            The images' names.

        Raises:
            DevclusterError: The cluster does not start, or an image cannot be built.
        """
        with self._start("images") as images:
            try:
                self._follow("up")
            except BaseException:
                images.send_signal(signal.SIGINT)  # it ends its own builds then
                raise
            table = self._end(images, "images")
        print(table, end="", flush=True)
        names = [line.split()[0] for line in table.splitlines()]
        self.load(names)
        return names

    def load(self, images: list[str]) -> None:
        """Bring images that are already built into the cluster."""
        self._follow("load", *images)

    def down(self) -> None:
        """Remove it without a trace."""
        self._follow("down")

    def kubectl(self) -> Kubectl:
        """kubectl, pointed at this cluster."""
        return Kubectl(Path(run([*self._command(), "kubeconfig"]).strip()))

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "devcluster", "--name", self.name, "--provider", self.provider]

    def _follow(self, *arguments: str) -> str:
        return self._end(self._start(*arguments), *arguments)

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        # These take minutes the first time: their progress, on standard error, goes straight to the person.
        return subprocess.Popen([*self._command(), *arguments], stdout=subprocess.PIPE, text=True)

    def _end(self, command: "subprocess.Popen[str]", *arguments: str) -> str:
        output, _ = command.communicate()
        if command.returncode != 0:
            words = f"python -m devcluster {' '.join(arguments)}"
            raise DevclusterError(f"{words} ended with {command.returncode}; its words are above")
        return output


def find_tool(name: str) -> str:
    """Where a program such as helm is; the first time it is built, which takes a minute."""
    return run([sys.executable, "-m", "devcluster", "tool", name], timeout=900).strip()
