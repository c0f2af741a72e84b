"""The command lines of both engines, and what a failed build says."""

from pathlib import Path

import pytest

from devcluster.errors import DevclusterError
from devcluster.images import buildah, engines
from devcluster.images.building import certificate_secret, run_build
from devcluster.images.catalog import IMAGES, ROOT
from devcluster.images.command import build_if_changed
from devcluster.images.docker import Docker
from devcluster.images.inputs import LABEL, inputs_digest

MLFLOW = IMAGES["mlflow"]
CONTEXT = str(ROOT / "charts/mlflow-stack/images/mlflow")


@pytest.fixture(autouse=True)
def no_certificates(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setattr("devcluster.images.building._BUNDLES", ())


def test_docker_builds_the_same_dockerfile_with_its_own_defaults():
    assert Docker().build_command(MLFLOW, {LABEL: "abc"}) == [
        *("docker", "build", "--tag", "davit.dev/mlflow:3.17.2", "--file", f"{CONTEXT}/Dockerfile"),
        *("--label", "dev.davit.inputs=abc", CONTEXT),
    ]


def test_buildah_builds_it_on_the_base_made_from_debian_packages():
    assert buildah.Buildah().build_command(MLFLOW, {LABEL: "abc"}) == [
        *("buildah", "build-using-dockerfile", "--layers", "--pull-never"),
        *("--isolation", "chroot", "--network", "host"),
        *("--tag", "davit.dev/mlflow:3.17.2", "--file", f"{CONTEXT}/Dockerfile"),
        *("--build-arg", f"BASE_IMAGE={buildah.BASE}"),
        *("--label", "dev.davit.inputs=abc", CONTEXT),
    ]


def test_a_certificate_bundle_is_passed_to_the_build_as_a_secret(tmp_path: Path):
    bundle = tmp_path / "bundle.crt"
    bundle.write_text("certificates")
    assert certificate_secret({"SSL_CERT_FILE": str(bundle)}) == ["--secret", f"id=ca,src={bundle}"]
    assert certificate_secret({}) == []


def test_buildah_without_root_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(DevclusterError, match="start Docker, or run as root"):
        buildah.Buildah().prepare([MLFLOW])


def test_docker_without_an_engine_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Docker, "answers", lambda _: False)
    with pytest.raises(DevclusterError, match="no Docker engine answers: start one, or use --engine buildah"):
        engines.choose_engine("docker")
    assert engines.choose_engine("auto").name == "buildah"


def test_a_failed_build_shows_its_last_lines_and_the_path_of_the_log(tmp_path: Path):
    log = tmp_path / "logs" / "mlflow.log"
    with pytest.raises(
        DevclusterError, match=r"(?s)image mlflow could not be built.*mlflow.log\nno space left"
    ):
        run_build(["sh", "-c", "echo no space left; exit 1"], MLFLOW, log)


class FakeEngine:
    """Keeps labels instead of images."""

    name = "fake"
    registry = True

    def __init__(self) -> None:
        self.labels: dict[str, dict[str, str]] = {}
        self.builds = 0

    def prepare(self, images):
        pass

    def arguments(self, image):
        return {"BASE_IMAGE": "base"}

    def label(self, reference, label):
        return self.labels.get(reference, {}).get(label)

    def build(self, image, labels, log):
        self.builds += 1
        self.labels[image.reference] = labels

    def size(self, reference):
        return 1

    def export(self, reference, archive):
        archive.touch()


def test_an_image_is_built_once_and_then_only_when_its_inputs_change():
    engine = FakeEngine()
    assert build_if_changed(engine, MLFLOW) is not None
    assert build_if_changed(engine, MLFLOW) is None
    engine.labels[MLFLOW.reference][LABEL] = "of other inputs"
    assert build_if_changed(engine, MLFLOW) is not None
    assert engine.builds == 2
    assert engine.labels[MLFLOW.reference] == {LABEL: inputs_digest(MLFLOW, engine.arguments(MLFLOW))}
