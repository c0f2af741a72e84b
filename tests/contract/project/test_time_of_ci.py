"""Continuous integration has a limited time, and what does not fit into it is no secret."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
STORY = "tests/stack/test_webhooks.py"


def test_stories_that_no_time_was_left_for_are_named_and_counted_as_skipped():
    names = re.findall(r"^def (test_\w+)", (ROOT / STORY).read_text(), re.MULTILINE)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", STORY],
        cwd=ROOT,
        env={**os.environ, "DAVIT_TEST_BEGIN_UNTIL": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    named = re.findall(rf"no time was left to begin {re.escape(STORY)}::(test_\w+)", done.stdout)
    assert sorted(named) == sorted(names)
    assert done.stdout.splitlines()[-1].startswith(f"{len(names)} skipped")


def test_continuous_integration_sets_the_time_and_runs_what_a_person_runs():
    script = (ROOT / ".ci" / "run").read_text()
    assert "export DAVIT_TEST_BEGIN_UNTIL=" in script
    assert re.findall(r"^make (\S+)", script, re.MULTILINE) == ["check", "test", "test-stack"]
