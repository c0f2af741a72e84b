"""The command `python -m devcluster images`: parses, builds what changed, prints sizes."""

from __future__ import annotations

import argparse
import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager

from devcluster import progress
from devcluster.binaries.cache import cache_root
from devcluster.images.catalog import IMAGES, Image, choose_images
from devcluster.images.engines import ENGINES, Engine, choose_engine
from devcluster.images.inputs import LABEL, inputs_digest


def run(arguments: list[str]) -> int:
    """Build the images that changed and print one line for each.

    Raises:
        DevclusterError: Something is missing, or a build failed.
    """
    options = build_parser().parse_args(arguments)
    engine = choose_engine(options.engine)
    images = choose_images(options.names, registry=engine.registry)
    with _exclusively():
        engine.prepare(images)
        for image in images:
            took = build_if_changed(engine, image)
            how = "unchanged" if took is None else f"built in {took:.0f} s"
            print(f"{image.reference:<32} {engine.size(image.reference) / 1e6:>6.0f} MB  {how}", flush=True)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m devcluster images", description="Build Davit's images.")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(IMAGES)}; default: all that this machine needs",
    )
    return parser


def build_if_changed(engine: Engine, image: Image) -> float | None:
    """Build an image unless the engine has it with the same inputs.

    Returns:
        Seconds that the build took; nothing when none was needed.
    """
    wanted = inputs_digest(image, engine.arguments(image))
    if engine.label(image.reference, LABEL) == wanted:
        return None
    progress.step(f"building {image.reference}")
    started = time.monotonic()
    engine.build(image, {LABEL: wanted}, cache_root() / "logs" / "images" / f"{image.name}.log")
    return time.monotonic() - started


@contextmanager
def _exclusively() -> Iterator[None]:
    """Build under a lock: a second build would repeat the work of the first, or undo it."""
    cache_root().mkdir(parents=True, exist_ok=True)
    with (cache_root() / "images.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step("waiting for another build of images to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
