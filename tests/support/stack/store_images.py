"""Images of database and store servers that only the stories of the stack need, brought into the cluster."""

from pathlib import Path

from devcluster.images.catalog import Image
from devcluster.images.command import build_if_changed
from devcluster.images.engines import choose_engine
from examples.demo.cluster import Cluster

_FOLDER = Path("tests/stack/images")


def image_of(name: str) -> Image:
    """The image of a server by its folder's name."""
    folder = _FOLDER / name
    return Image(name, folder / "Dockerfile", folder, (folder,))


def ensure_image(cluster: Cluster, name: str) -> str:
    """Build an image if it changed and bring it into the cluster; returns what pods call it."""
    engine = choose_engine()
    image = image_of(name)
    engine.prepare([image])
    build_if_changed(engine, image)
    cluster.load([image.reference])
    return image.reference
