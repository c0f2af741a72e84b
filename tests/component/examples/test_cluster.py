"""The demo's cluster: commands that run side by side, and what becomes of one when the other fails."""

import os
import sys

import pytest

from devcluster.errors import DevclusterError
from examples.demo.cluster import Cluster


@pytest.fixture
def devcluster(tmp_path, monkeypatch):
    """A stand-in for `python -m devcluster --name NAME --provider PROVIDER` that does what the test says."""
    os.mkfifo(tmp_path / "meeting")  # who writes waits for who reads: both commands run at the same time

    def write(**commands):
        cases = "\n".join(f"{command}) {script} ;;" for command, script in commands.items())
        program = tmp_path / "python"
        program.write_text(
            f'#!/bin/sh\ncd {tmp_path}; shift 6\necho "$*" >> log\ncase "$1" in\n{cases}\nesac\n'
        )
        program.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(program))
        return Cluster("test", "node")

    return write


def test_images_are_built_while_the_cluster_starts_and_brought_in_after_it(devcluster, tmp_path):
    cluster = devcluster(
        images="echo ready > meeting; echo 'davit.dev/server:1  600 MB  built in 9 s'",
        up="timeout 20 cat meeting",
        load="exit 0",
    )
    assert cluster.up() == ["davit.dev/server:1"]
    assert (tmp_path / "log").read_text().splitlines()[-1] == "load davit.dev/server:1"


def test_a_cluster_that_does_not_start_ends_the_building_of_images(devcluster, tmp_path):
    cluster = devcluster(
        images="trap 'kill $!; echo interrupted >> log; exit 1' INT; echo ready > meeting; sleep 60 & wait",
        up="timeout 20 cat meeting; exit 3",
    )
    with pytest.raises(DevclusterError, match="up failed with exit code 3; see its output above"):
        cluster.up()
    assert (tmp_path / "log").read_text().splitlines()[-1] == "interrupted"


def test_an_image_that_cannot_be_built_ends_the_start(devcluster, tmp_path):
    cluster = devcluster(images="echo ready > meeting; exit 4", up="timeout 20 cat meeting", load="exit 0")
    with pytest.raises(DevclusterError, match="images failed with exit code 4; see its output above"):
        cluster.up()
    assert "load" not in (tmp_path / "log").read_text()
