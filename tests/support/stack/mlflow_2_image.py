"""The image of an MLflow 2, which the upgrade stories begin with: the chart's recipe with other requirements."""

from dataclasses import dataclass
from pathlib import Path

from support.cluster.session import once

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
    once("old-mlflow", lambda: _load(cluster))
    return VERSION


def _load(cluster: Cluster) -> None:
    recipe = IMAGES["mlflow"].dockerfile
    image = OldMlflow("mlflow", recipe, FOLDER, (recipe, FOLDER))
    engine = choose_engine()
    engine.prepare([])
    build_if_changed(engine, image)
    cluster.load([f"{REGISTRY_HOST}/mlflow:{VERSION}"])
