"""A lock of the author's own."""

from pathlib import Path

import pytest
from davit_environment.errors import UnusableError
from davit_environment.lock import LockedPackage, read_lock
from davit_environment.need import read_needs

ROOT = Path(__file__).parents[3]
SMALL = b"""version = 1
requires-python = ">=3.11"

[[package]]
name = "Acme.Lib"
version = "1.2"
source = { registry = "https://me:secret@packages.corp/simple" }
sdist = { url = "https://packages.corp/acme.tar.gz", hash = "sha256:bb" }
wheels = [{ url = "https://packages.corp/acme.whl", hash = "sha256:aa" }]

[[package]]
name = "mine"
source = { virtual = "." }
"""


def test_a_lock_is_versions_and_sums():
    assert read_lock(SMALL) == (
        LockedPackage("acme-lib", "1.2", "registry", ("sha256:aa", "sha256:bb")),
        LockedPackage("mine", "", "virtual", ()),
    )


def test_nothing_of_its_urls_is_kept():
    assert "corp" not in repr(read_lock(SMALL))


def test_the_lock_of_this_project_is_read():
    packages = {package.name: package for package in read_lock((ROOT / "uv.lock").read_bytes())}
    assert packages["packaging"].source == "registry"
    assert packages["packaging"].hashes
    assert packages["davit-serving"].source == "editable"


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"version = 2", "is not of format version 1"),
        (b"", "is not of format version 1"),
        (b"version = ", "is not TOML"),
        (b"a = " + b"[" * 5000, "is not TOML"),
        (b"a." * 400 + b"b = 1", "has a line with more than 300 dots"),
        (b"version = 1\npackage = 1", "has packages without name or source"),
        (b"version = 1\n[[package]]\nname = 'a'", "has packages without name or source"),
        (b"#" * (2 * 1024 * 1024 + 1), "has 2097153 bytes, and 2097152 are allowed"),
    ],
)
def test_a_broken_lock_is_refused(data: bytes, cause: str):
    with pytest.raises(UnusableError) as raised:
        read_lock(data)
    assert raised.value.refusal.cause == cause


def test_a_broken_lock_is_a_note_of_the_model_as_its_requirements_say_the_same():
    found = read_needs({"MLmodel": b"flavors: {}", "requirements.txt": b"a==1", "uv.lock": b"version = 2"})
    assert found.notes == ("uv.lock is not of format version 1 and is not used",)
    assert found.refusals == ()
