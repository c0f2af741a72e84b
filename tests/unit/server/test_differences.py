"""A load that fails in an image with a manifest names how the image differs from what the model says."""

from pathlib import Path

import pytest
from davit_environment.manifest import RuntimeManifest, write_manifest
from davit_server.errors import ModelRejected
from davit_server.runtimes import diagnosis, differences
from davit_server.runtimes.differences import list_differences, with_differences

REJECTION = ModelRejected("load", "LoadFailed", "It failed.", "Repair it.")
MLMODEL = "flavors:\n  python_function: {loader_module: a, python_version: 3.11.7}\n"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "MLmodel").write_text(MLMODEL)
    (tmp_path / "requirements.txt").write_text(
        "numpy==1.26.0\nscikit-learn==1.7.2\nshapely==2.0.0\na==1\nb==1\n"
    )
    return tmp_path


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    image = RuntimeManifest("3.11.7", packages={"numpy": "1.26.4", "scikit-learn": "1.8.0"})
    file = tmp_path / "runtime.json"
    file.write_text(write_manifest(image))
    return file


def test_the_gravest_differences_are_named_and_the_others_counted(model: Path, manifest: Path):
    rejection = with_differences(REJECTION, model, manifest)
    assert rejection.cause == (
        "It failed. The model was logged with other versions: a 1, image does not have it; "
        "b 1, image does not have it; scikit-learn 1.7.2, image has 1.8.0; and 1 more."
    )
    assert (rejection.stage, rejection.reason, rejection.cure) == ("load", "LoadFailed", "Repair it.")


def test_an_image_that_fits_adds_nothing(model: Path, manifest: Path):
    (model / "requirements.txt").write_text("numpy==1.26.0\n")
    assert with_differences(REJECTION, model, manifest) is REJECTION


@pytest.mark.parametrize("content", [None, b"{}", b"\xff"])
def test_without_a_usable_manifest_nothing_is_added(model: Path, manifest: Path, content: bytes | None):
    if content is None:
        manifest.unlink()
    else:
        manifest.write_bytes(content)
    assert list_differences(model, manifest) == []


def test_a_folder_without_files_says_nothing(tmp_path: Path, manifest: Path):
    assert list_differences(tmp_path / "none", manifest) == []


@pytest.mark.parametrize(
    ("failure", "named"),
    [
        (RuntimeError("boom"), True),
        (AttributeError("pickle"), True),
        (ImportError("a"), True),
        (MemoryError(), False),
        (ModuleNotFoundError("x", name="x"), False),
    ],
)
def test_only_failures_that_do_not_explain_themselves_name_them(
    monkeypatch, model: Path, manifest: Path, failure: Exception, named: bool
):
    monkeypatch.setattr(diagnosis, "_wrong_python", lambda *_: None)
    monkeypatch.setattr(differences, "list_differences", lambda *_: ["scikit-learn 1.7.2, image has 1.8.0"])
    cause = diagnosis.explain_load_failure(failure, model).cause
    assert ("scikit-learn 1.7.2, image has 1.8.0" in cause) is named
