"""The manifest of an image: written as read, and refused when it is not one."""

import json
import sys

import pytest
from davit_environment.inspection import inspect_runtime
from davit_environment.manifest import ManifestError, RuntimeManifest, read_manifest, write_manifest

MANIFEST = RuntimeManifest(
    python="3.11.7",
    abi="cpython-311-x86_64-linux-gnu",
    glibc="2.36",
    packages={"numpy": "2.3.1", "torch": "2.9.1+cpu"},
    libraries=frozenset({"libgomp.so.1", "libc.so.6"}),
    made_by="davit-serving 0.1.0",
)


def test_a_manifest_is_read_as_it_was_written():
    assert read_manifest(write_manifest(MANIFEST).encode()) == MANIFEST


def test_its_text_depends_on_its_content_alone():
    backwards = dict(reversed(MANIFEST.packages.items()))
    other = RuntimeManifest(**{**vars(MANIFEST), "packages": backwards})
    assert write_manifest(other) == write_manifest(MANIFEST)


def test_keys_of_a_later_version_are_ignored():
    content = {**json.loads(write_manifest(MANIFEST)), "layer": {"click": "8"}}
    assert read_manifest(json.dumps(content).encode()) == MANIFEST


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "is not of format 1"),
        ({"format": None}, "is not of format 1"),
        ({"python": "3.11"}, "python is no full version"),
        ({"python": 3}, "python is no short text"),
        ({"machine": "x" * 201}, "machine is no short text"),
        ({"glibc": "2.36\n"}, "glibc is no short text"),
        ({"packages": []}, "packages are no mapping"),
        ({"packages": {"numpy": "new"}}, "a package whose name or version is none"),
        ({"packages": {"Num_Py": "1"}}, "a package whose name or version is none"),
        ({"packages": {"numpy": 2}}, "a package whose name or version is none"),
        ({"libraries": {}}, "libraries are no list"),
        ({"libraries": [1]}, "libraries are no list"),
    ],
)
def test_what_is_no_manifest_is_refused_with_what_is_wrong(change: dict[str, object], message: str):
    content = {**json.loads(write_manifest(MANIFEST)), **change}
    with pytest.raises(ManifestError, match=message):
        read_manifest(json.dumps(content).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, b"\xff", b"[]", b"3"])
def test_what_is_no_json_is_refused(data: bytes):
    with pytest.raises(ManifestError):
        read_manifest(data)


def test_a_manifest_that_is_too_large_is_refused():
    with pytest.raises(ManifestError, match="1048576 are allowed"):
        read_manifest(b" " * (1024 * 1024 + 1))


def test_this_interpreter_describes_itself():
    found = inspect_runtime()
    assert found.python.startswith("{}.{}.{}".format(*sys.version_info))
    assert found.minor == "{}.{}".format(*sys.version_info)
    assert found.packages["packaging"]
    assert found.packages["davit-serving"] in found.made_by
    assert "libc.so.6" in found.libraries
    assert all("/" not in name for name in found.libraries)
    assert read_manifest(write_manifest(found).encode()) == found
