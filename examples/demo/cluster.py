"""The development cluster and the images in it, by the commands a person would type."""

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
        """Start it, or repair what is there."""
        self._follow("up")

    def load_images(self) -> None:
        """Build the images and bring them into the cluster; quick when nothing has changed."""
        self._follow("images", "--load")

    def down(self) -> None:
        """Remove it without a trace."""
        self._follow("down")

    def kubectl(self) -> Kubectl:
        """kubectl, pointed at this cluster."""
        return Kubectl(Path(run([*self._command(), "kubeconfig"]).strip()))

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "devcluster", "--name", self.name, "--provider", self.provider]

    def _follow(self, *arguments: str) -> None:
        # Not captured: these take minutes the first time, and report their own progress.
        code = subprocess.run([*self._command(), *arguments], check=False).returncode
        if code != 0:
            raise DevclusterError(
                f"python -m devcluster {' '.join(arguments)} ended with {code}; its words are above"
            )


def find_tool(name: str) -> str:
    """Where a program such as helm is; the first time it is built, which takes a minute."""
    return run([sys.executable, "-m", "devcluster", "tool", name], timeout=900).strip()
