"""The development cluster and the images in it, with the commands that a user would type."""

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

    def up(self) -> None:
        """Start the cluster, or repair it."""
        self._follow("up")

    def load_images(self) -> list[str]:
        """Build the images, load them into the cluster and return their names.

        Quick when nothing has changed.
        """
        table = self._follow("images")
        print(table, end="", flush=True)
        images = [line.split()[0] for line in table.splitlines()]
        self.load(images)
        return images

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
        # These take minutes the first time: their progress, on standard error, is shown directly.
        done = subprocess.run(self.command(*arguments), stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            command = f"python -m devcluster {' '.join(arguments)}"
            raise DevclusterError(f"{command} failed with exit code {done.returncode}; see its output above")
        return done.stdout


def find_tool(name: str) -> str:
    """Return the path of a program such as helm; the first use builds it, which takes a minute."""
    return run([sys.executable, "-m", "devcluster", "tool", name], timeout=900).strip()
