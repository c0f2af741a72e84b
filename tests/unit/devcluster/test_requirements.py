import pytest

from devcluster.errors import DevclusterError
from devcluster.node import requirements


@pytest.fixture
def bare_machine(tmp_path, monkeypatch):
    """A PATH with nothing on it but what the test puts there."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name, script="exit 0"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return put


def test_a_missing_program_means_its_debian_package(bare_machine):
    bare_machine("runc")
    missing = requirements.missing_packages()
    assert "containerd" in missing
    assert "busybox-static" in missing
    assert "runc" not in missing


def test_without_apt_one_line_says_what_is_missing(bare_machine):
    with pytest.raises(
        DevclusterError, match=r"missing on this machine: .*containerd.* apt-get install"
    ) as caught:
        requirements.ensure_packages()
    assert "\n" not in str(caught.value)


def test_packages_are_installed_without_questions(bare_machine, tmp_path):
    bare_machine("apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {tmp_path}/said')
    requirements.ensure_packages()
    [update, install] = (tmp_path / "said").read_text().splitlines()
    assert update == "noninteractive -qq update"
    assert install.startswith("noninteractive -qq install --yes --no-install-recommends ")


def test_packages_that_cannot_be_installed_are_reported_with_the_command(bare_machine):
    bare_machine("apt-get", "echo 'E: Unable to locate package' >&2; exit 100")
    with pytest.raises(DevclusterError, match="by hand: apt-get install"):
        requirements.ensure_packages()


def test_without_root_one_line_says_so(monkeypatch):
    monkeypatch.setattr(requirements.os, "geteuid", lambda: 1000)
    with pytest.raises(DevclusterError, match=r"needs root .* run it with sudo"):
        requirements.check_machine()


def test_on_another_system_one_line_names_the_alternative(monkeypatch):
    monkeypatch.setattr(requirements.platform, "system", lambda: "Darwin")
    with pytest.raises(DevclusterError, match="--provider kind"):
        requirements.check_machine()
