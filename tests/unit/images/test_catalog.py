"""What the images are called, and when one is built again."""

import shutil
import tomllib
from pathlib import Path

import pytest
import yaml

from devcluster.errors import DevclusterError
from devcluster.images.catalog import IMAGES, ROOT, Image, choose_images
from devcluster.images.inputs import inputs_digest


def chart(name: str):
    return yaml.safe_load((ROOT / "charts" / name / "Chart.yaml").read_text())


def values(name: str):
    return yaml.safe_load((ROOT / "charts" / name / "values.yaml").read_text())


def test_davits_own_images_carry_its_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert IMAGES["operator"].reference == f"davit.dev/operator:{version}"
    assert IMAGES["server"].reference == f"davit.dev/server:{version}"
    assert chart("davit-operator")["appVersion"] == version


def test_the_charts_ask_for_the_images_that_are_built():
    stack, operator = values("mlflow-stack"), values("davit-operator")
    asked = {
        f"{stack['server']['image']['repository']}:{chart('mlflow-stack')['appVersion']}",
        f"{stack['versitygw']['image']['repository']}:{stack['versitygw']['image']['tag']}",
        f"{operator['image']['repository']}:{chart('davit-operator')['appVersion']}",
        f"{operator['serverImage']['repository']}:{chart('davit-operator')['appVersion']}",
    }
    assert asked == {image.reference for image in choose_images([], registry=True)}


def test_the_mlflow_image_holds_the_mlflow_that_its_tag_says():
    locked = (ROOT / "charts/mlflow-stack/images/mlflow/requirements.txt").read_text()
    assert f"\nmlflow=={IMAGES['mlflow'].version} " in locked


def test_without_a_registry_local_images_replace_official_ones():
    with_registry = {image.name for image in choose_images([], registry=True)}
    without = {image.name for image in choose_images([], registry=False)}
    assert without - with_registry == {"postgresql"}


def test_an_image_can_be_chosen_by_name():
    assert choose_images(["postgresql"], registry=True) == [IMAGES["postgresql"]]


def test_an_unknown_name_is_rejected_with_the_known_ones():
    with pytest.raises(DevclusterError, match=r"no image is called sever; there are operator, server"):
        choose_images(["sever"], registry=True)


@pytest.fixture(name="image")
def small_image(tmp_path: Path) -> Image:
    (tmp_path / "src").mkdir()
    (tmp_path / "src/a.py").write_text("a")
    (tmp_path / "Dockerfile").write_text("FROM scratch")
    return Image("small", Path("Dockerfile"), Path(), (Path("Dockerfile"), Path("src")))


def test_the_same_inputs_have_the_same_digest(image: Image, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(tmp_path, copy)
    assert inputs_digest(image, {}, root=tmp_path) == inputs_digest(image, {}, root=copy)


@pytest.mark.parametrize("change", ["content", "name", "new file", "argument"])
def test_every_change_of_an_input_changes_the_digest(image: Image, tmp_path: Path, change: str):
    before = inputs_digest(image, {}, root=tmp_path)
    match change:
        case "content":
            (tmp_path / "src/a.py").write_text("b")
        case "name":
            (tmp_path / "src/a.py").rename(tmp_path / "src/b.py")
        case "new file":
            (tmp_path / "src/empty.py").touch()
    arguments = {"BASE_IMAGE": "other"} if change == "argument" else {}
    assert inputs_digest(image, arguments, root=tmp_path) != before


def test_compiled_files_are_no_input(image: Image, tmp_path: Path):
    before = inputs_digest(image, {}, root=tmp_path)
    (tmp_path / "src/__pycache__").mkdir()
    (tmp_path / "src/__pycache__/a.pyc").write_bytes(b"compiled")
    assert inputs_digest(image, {}, root=tmp_path) == before


def test_every_input_of_every_image_exists():
    assert not [path for image in IMAGES.values() for path in image.inputs if not (ROOT / path).exists()]
