"""The image of an MLflow 2, which the upgrade stories begin with: the chart's recipe with other requirements."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from devcluster.images.catalog import IMAGES, REGISTRY_HOST, Image
from devcluster.images.command import build_if_changed
from devcluster.images.engines import choose_engine
from examples.demo.cluster import Cluster

FOLDER = Path("tests/data/input/mlflow-2.22")
VERSION = "2.22.2"


@dataclass(frozen=True)
class OldMlflow(Image):
    """An image with a version of its own, built by the chart's Dockerfile."""

    @property
    def version(self) -> str:
        return VERSION


def load_old_mlflow(cluster: Cluster) -> str:
    """Build the image unless it is there, and bring it into a cluster. Returns its tag."""
    recipe = IMAGES["mlflow"].dockerfile
    image = OldMlflow("mlflow", recipe, FOLDER, (recipe, FOLDER))
    engine = choose_engine()
    engine.prepare([])
    build_if_changed(engine, image)
    command = [sys.executable, "-m", "devcluster", "--name", cluster.name, "--provider", cluster.provider]
    subprocess.run([*command, "load", f"{REGISTRY_HOST}/mlflow:{VERSION}"], check=True)
    return VERSION
