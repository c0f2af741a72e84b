"""The cluster of the tests, as fixtures: made once a session, with Davit's images in it, for all of its processes.

`DAVIT_TEST_CLUSTER` names it (`davit-test`), `DAVIT_TEST_PROVIDER` chooses its kind (`auto`). It is removed at
the end; with `DAVIT_TEST_KEEP=1` it stays, and the next session starts in seconds. A leftover, whole or
broken, is repaired.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from support.cluster.live import Place
from support.cluster.session import once

from devcluster.choice import choose_provider
from examples.demo.charts import Helm
from examples.demo.cluster import Cluster, find_tool
from examples.demo.kubectl import Kubectl

PROVIDER = choose_provider(os.environ.get("DAVIT_TEST_PROVIDER", "auto"), os.environ.get("DAVIT_CONTEXT"))


@pytest.fixture(scope="session")
def loaded(request: pytest.FixtureRequest) -> tuple[Cluster, list[str]]:
    """The running cluster and the images in it."""
    made = Cluster(os.environ.get("DAVIT_TEST_CLUSTER", "davit-test"), PROVIDER)

    def start() -> list[str]:
        # Minutes, the first time: the progress is for the person who waits.
        capture: Any = request.config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            made.up()
            return made.load_images()

    kept = os.environ.get("DAVIT_TEST_KEEP") == "1"
    return made, once("cluster", start, undo=() if kept else made.command("down"))


@pytest.fixture(scope="session")
def cluster(loaded: tuple[Cluster, list[str]]) -> Cluster:
    return loaded[0]


@pytest.fixture(scope="session")
def kubectl(cluster: Cluster) -> Kubectl:
    return cluster.kubectl()


@pytest.fixture(scope="session")
def helm(kubectl: Kubectl) -> Helm:
    return Helm(find_tool("helm"), kubectl.environment)


@contextmanager
def fresh_namespace(kubectl: Kubectl) -> Iterator[Place]:
    name = f"e2e-{secrets.token_hex(4)}"
    labels = {"davit.dev/e2e": "true"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    try:
        yield Place(kubectl, name)
    finally:
        kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")
