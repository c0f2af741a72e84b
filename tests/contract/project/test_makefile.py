"""The inner loop of a package runs that package's tests, and every package has one."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PACKAGES = sorted(path.parent.name for path in ROOT.glob("*/davit_*/"))


def folders_of(package: str) -> list[str]:
    dry_run = ["make", "--dry-run", "--no-print-directory", f"test-{package}"]
    shown = subprocess.run(dry_run, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return re.findall(r" (tests/\S+)", shown.splitlines()[-1])


@pytest.mark.parametrize("package", PACKAGES)
def test_the_inner_loop_of_a_package_is_its_unit_and_component_tests(package: str):
    own = [f"tests/{kind}/{package}" for kind in ("unit", "component")]
    found = folders_of(package)
    assert found[0] == own[0]
    assert [folder for folder in own if (ROOT / folder).is_dir()] == [one for one in found if one in own]
    assert all((ROOT / folder).is_dir() for folder in found)


def test_no_test_runs_in_the_inner_loop_of_two_packages():
    folders = [folder for package in PACKAGES for folder in folders_of(package)]
    assert len(folders) == len(set(folders))


def test_a_name_that_is_no_package_is_refused():
    answer = subprocess.run(
        ["make", "test-everything"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert answer.returncode != 0
    assert "test-everything" in answer.stderr
