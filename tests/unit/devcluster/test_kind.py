from pathlib import Path

import pytest

from devcluster.commands import CommandFailed
from devcluster.errors import DevclusterError
from devcluster.kind import CONFIGURATION, KindProvider


class RecordedRuns:
    """Answers command lines as Docker, kind and kubectl do, and remembers them."""

    def __init__(self, *, clusters="", docker=True):
        self.clusters = clusters
        self.docker = docker
        self.lines = []
        self.texts = []

    def __call__(self, arguments, *, text=None, timeout=60.0):
        line = " ".join(arguments)
        if line == "docker info" and not self.docker:
            raise CommandFailed(arguments, 1, "Cannot connect to the Docker daemon")
        self.lines.append(line)
        if text is not None:
            self.texts.append(text)
        if "--kubeconfig" in arguments and ("create" in arguments or "export" in arguments):
            self._write_kubeconfig(arguments[arguments.index("--kubeconfig") + 1])
        return self.clusters if line.endswith("get clusters") else ""

    @staticmethod
    def _write_kubeconfig(path):
        Path(path).write_text("apiVersion: v1\n")


def kind_with(runs, folder):
    return KindProvider("demo", runner=runs, program="kind", folder=folder)


def test_a_new_cluster_is_created_from_our_configuration(tmp_path):
    runs = RecordedRuns(clusters="another\n")
    kind_with(runs, tmp_path).up()
    kubeconfig = tmp_path / "kind-demo.kubeconfig"
    assert runs.lines == [
        "docker info",
        "kind get clusters",
        f"kind create cluster --config - --wait 180s --name demo --kubeconfig {kubeconfig}",
    ]
    assert runs.texts == [CONFIGURATION]
    assert kubeconfig.stat().st_mode & 0o777 == 0o600


def test_an_existing_cluster_is_started_again_not_created(tmp_path):
    runs = RecordedRuns(clusters="demo\n")
    kind_with(runs, tmp_path).up()
    assert "docker start demo-control-plane" in runs.lines
    assert not any("create" in line for line in runs.lines)


def test_an_image_comes_from_docker_and_an_archive_from_its_file(tmp_path):
    runs = RecordedRuns(clusters="demo\n")
    archive = tmp_path / "image.tar"
    archive.touch()
    kind_with(runs, tmp_path).load(["davit.dev/server:0.1.0", str(archive)])
    assert runs.lines == [
        "kind load docker-image davit.dev/server:0.1.0 --name demo",
        f"kind load image-archive {archive} --name demo",
    ]


def test_down_deletes_the_cluster_and_its_kubeconfig(tmp_path):
    runs = RecordedRuns(clusters="demo\n")
    kind = kind_with(runs, tmp_path)
    kubeconfig = kind.kubeconfig()
    kind.down()
    assert f"kind delete cluster --name demo --kubeconfig {kubeconfig}" in runs.lines
    assert not kubeconfig.exists()


def test_without_docker_one_line_says_so(tmp_path):
    with pytest.raises(DevclusterError, match="needs a Docker engine and none answers"):
        kind_with(RecordedRuns(docker=False), tmp_path).up()


def test_the_kubeconfig_of_no_cluster_names_the_cure(tmp_path):
    with pytest.raises(DevclusterError, match="create it with `up`"):
        kind_with(RecordedRuns(), tmp_path).kubeconfig()


def test_the_status_of_no_cluster_is_bad(tmp_path):
    [finding] = kind_with(RecordedRuns(), tmp_path).status()
    assert not finding.well
