"""What a test session does once for all of its processes, and which tests they may run at the same time."""

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.cluster.session import begin, end, once
from support.cluster.side_by_side import group_of

TESTS = Path(__file__).parents[2]


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch):
    """A session inside the one that runs these tests, which has its own folder back afterwards."""
    monkeypatch.setenv("DAVIT_TEST_SESSION", "")
    begin()


def note(path: Path) -> list[str]:
    """A command that leaves a line."""
    return ["sh", "-c", f"echo {path.name} >> {path.parent / 'notes'}"]


def test_an_act_happens_once_and_everybody_gets_its_result(begun):
    acts: list[int] = []

    def act() -> dict[str, int]:
        acts.append(1)
        return {"answer": 42}

    with ThreadPoolExecutor(8) as callers:
        results = list(callers.map(lambda _: once("answer", act), range(8)))
    assert results == [{"answer": 42}] * 8
    assert len(acts) == 1
    assert end() == []


def test_another_process_gets_the_result_of_the_first(begun):
    once("images", lambda: ["one:1"])
    program = "import json; from support.cluster.session import once; print(json.dumps(once('images', lambda: 1 / 0)))"
    said = subprocess.run([sys.executable, "-c", program], cwd=TESTS, capture_output=True, check=True)
    assert json.loads(said.stdout) == ["one:1"]
    end()


def test_what_was_done_is_undone_at_the_end_the_newest_first(begun, tmp_path: Path):
    for name in ("cluster", "definition"):
        once(name, lambda: None, note(tmp_path / name))
    assert not (tmp_path / "notes").exists()
    assert end() == []
    assert (tmp_path / "notes").read_text().split() == ["definition", "cluster"]


def test_an_act_that_failed_is_tried_again_and_undone_once(begun, tmp_path: Path):
    undo = note(tmp_path / "cluster")
    with pytest.raises(ZeroDivisionError):
        once("cluster", lambda: 1 / 0, undo)
    assert once("cluster", lambda: "up", undo) == "up"
    end()
    assert (tmp_path / "notes").read_text().split() == ["cluster"]


def test_a_command_that_cannot_undo_is_named(begun):
    once("cluster", lambda: None, ["false"])
    assert end() == ["false"]


def test_stories_of_one_cluster_are_one_group_and_other_files_are_groups_of_their_own():
    files = [path.relative_to(TESTS.parent).as_posix() for path in TESTS.rglob("test_*.py")]
    groups = {file: group_of(f"{file}::test_it") for file in files}
    own = {file for file, group in groups.items() if group == file}
    assert not [file for file in own if file.startswith(("tests/e2e/", "tests/pressure/"))]
    assert [
        file for file in files if file.startswith(("tests/unit/", "tests/component/")) and file not in own
    ] == []
    assert Counter(groups.values())["the guides"] == 2
    assert Counter(groups.values())["the cluster that is damaged"] == 1


def test_the_backends_are_a_group_for_each_test():
    first, second = (group_of(f"tests/stack/test_backends.py::{name}") for name in ("one", "two"))
    assert first != second
