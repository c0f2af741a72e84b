"""The development cluster and the images in it, with the commands that a user would type."""

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
        """Start the cluster, or repair it, and load Davit's images. Quick when nothing has changed.

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
        """Load images that are already built into the cluster."""
        self._follow("load", *images)

    def down(self) -> None:
        """Remove the cluster and everything it left."""
        self._follow("down")

    def kubectl(self) -> Kubectl:
        """Return a kubectl that is bound to this cluster."""
        return Kubectl(Path(run(self.command("kubeconfig")).strip()))

    def command(self, *arguments: str) -> list[str]:
        """Return the devcluster command line with these arguments for this cluster."""
        program = [sys.executable, "-m", "devcluster", "--name", self.name, "--provider", self.provider]
        return [*program, *arguments]

    def _follow(self, *arguments: str) -> str:
        return self._end(self._start(*arguments), *arguments)

    def _start(self, *arguments: str) -> "subprocess.Popen[str]":
        # These take minutes the first time: their progress, on standard error, is shown directly.
        return subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, text=True)

    def _end(self, process: "subprocess.Popen[str]", *arguments: str) -> str:
        output, _ = process.communicate()
        if process.returncode != 0:
            command = f"python -m devcluster {' '.join(arguments)}"
            raise DevclusterError(
                f"{command} failed with exit code {process.returncode}; see its output above"
            )
        return output


def find_tool(name: str) -> str:
    """Return the path of a program such as helm; the first use builds it, which takes a minute."""
    return run([sys.executable, "-m", "devcluster", "tool", name], timeout=900).strip()
