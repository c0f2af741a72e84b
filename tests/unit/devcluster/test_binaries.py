import stat

import pytest

from devcluster.binaries.build import build_command, ensure_binary
from devcluster.binaries.cache import MODULES, cache_root, cached_path
from devcluster.binaries.catalog import BINARIES, Binary, binary
from devcluster.errors import DevclusterError

PROGRAM = Binary("program", "module", "example.org/program", "v1.2.3", "-X main.version=v1.2.3")


@pytest.fixture
def modules(tmp_path):
    module = tmp_path / "modules" / "module"
    module.mkdir(parents=True)
    for file in ("go.mod", "go.sum", "main.go"):
        (module / file).write_text(file)
    return tmp_path / "modules"


def place(modules, tmp_path, program=PROGRAM, go="go1.26.8"):
    return cached_path(program, go, modules=modules, root=tmp_path)


def test_an_unchanged_program_keeps_its_cache_path(modules, tmp_path):
    assert place(modules, tmp_path) == place(modules, tmp_path)
    assert place(modules, tmp_path).name == "program"


@pytest.mark.parametrize("file", ["go.mod", "go.sum", "main.go"])
def test_a_changed_source_is_another_program(modules, tmp_path, file):
    before = place(modules, tmp_path)
    (modules / "module" / file).write_text("changed")
    assert place(modules, tmp_path) != before


def test_another_go_version_changes_the_program(modules, tmp_path):
    assert place(modules, tmp_path) != place(modules, tmp_path, go="go1.27")


def test_the_cache_is_in_the_users_cache_folder():
    assert str(cache_root({"XDG_CACHE_HOME": "/cache", "HOME": "/home/user"})) == "/cache/davit"
    assert str(cache_root({"HOME": "/home/user"})) == "/home/user/.cache/davit"


def test_builds_take_committed_checksums_and_tell_the_version(tmp_path):
    command = build_command("go", PROGRAM, tmp_path / "program")
    assert "-mod=readonly" in command
    assert "-s -w -X main.version=v1.2.3" in command
    assert command[-1] == "example.org/program"


@pytest.mark.parametrize("name", sorted(BINARIES))
def test_every_program_has_its_dependencies_committed(name):
    module = MODULES / binary(name).module
    assert (module / "go.mod").exists()
    assert (module / "go.sum").exists() or "require" not in (module / "go.mod").read_text()


@pytest.mark.parametrize("name", sorted(set(BINARIES) - {"pause"}))
def test_the_version_in_the_catalog_is_the_one_that_is_built(name):
    assert binary(name).version in (MODULES / binary(name).module / "go.mod").read_text()


def test_an_unknown_program_is_rejected_with_the_known_ones():
    with pytest.raises(DevclusterError, match="choose one of coredns, fake-gcs-server, helm"):
        binary("helmet")


@pytest.fixture
def go(tmp_path, monkeypatch):
    """A stand-in for Go on PATH that does what the test says; returns a function that writes it."""
    import devcluster.binaries.build as build

    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def write(build_script):
        build._go.cache_clear()
        build._go_version.cache_clear()
        program = tmp_path / "bin" / "go"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\nif [ "$1" = env ]; then echo go0.0; exit; fi\n{build_script}\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    yield write
    build._go.cache_clear()
    build._go_version.cache_clear()


def test_a_program_is_built_once(go):
    go('while [ "$1" != -o ]; do shift; done; echo built > "$2"')
    path = ensure_binary("pause")
    assert path.read_text() == "built\n"
    go("exit 1")
    assert ensure_binary("pause") == path


def test_without_a_module_proxy_one_line_says_so(go):
    go("echo 'dial tcp: lookup modules.example.org: no such host' >&2; exit 1")
    with pytest.raises(DevclusterError, match="needs a Go module proxy and none answers") as caught:
        ensure_binary("pause")
    assert "\n" not in str(caught.value)


def test_a_failed_build_leaves_nothing_that_looks_built(go, tmp_path):
    go('while [ "$1" != -o ]; do shift; done; echo half > "$2"; echo broken >&2; exit 1')
    with pytest.raises(DevclusterError, match="Go could not build pause: broken"):
        ensure_binary("pause")
    assert [path for path in (tmp_path / "cache").rglob("pause*") if path.is_file()] == []


def test_without_go_one_line_says_where_to_get_it(monkeypatch, tmp_path):
    import devcluster.binaries.build as build

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(build, "_GO_PLACES", ())
    build._go.cache_clear()
    build._go_version.cache_clear()
    with pytest.raises(DevclusterError, match="Go is not installed: get it from"):
        ensure_binary("pause")
    build._go.cache_clear()
    build._go_version.cache_clear()
