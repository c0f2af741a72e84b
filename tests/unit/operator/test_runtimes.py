"""The manifests of images in the file that the chart mounts."""

import json

import pytest
from davit_environment.manifest import RuntimeManifest, write_manifest
from davit_operator.adapters.runtimes import UnusableRuntimes, read_runtimes

MANIFEST = RuntimeManifest("3.11.7", packages={"numpy": "2.0.0"})


def test_without_a_file_nothing_is_known():
    assert read_runtimes("") == {}


def test_each_image_has_its_manifest(tmp_path):
    file = tmp_path / "runtimes.json"
    file.write_text(json.dumps({"davit.dev/server:1": write_manifest(MANIFEST)}))
    assert read_runtimes(str(file)) == {"davit.dev/server:1": MANIFEST}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is no readable JSON"),
        ("[]", "maps no images to manifests"),
        (json.dumps({"a/b:1": "{}"}), "a/b:1: the manifest is not of format 1"),
        (json.dumps({"a/b:1": None}), "a/b:1: the manifest is not"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_entry(tmp_path, content, message):
    file = tmp_path / "runtimes.json"
    file.write_text(content)
    with pytest.raises(UnusableRuntimes, match=message):
        read_runtimes(str(file))


def test_a_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(UnusableRuntimes, match="DAVIT_RUNTIMES_FILE"):
        read_runtimes(str(tmp_path / "missing.json"))
