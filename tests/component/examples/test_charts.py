"""Installing charts over whatever an earlier try has left behind."""

import json
import os
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from examples.demo.charts import Helm
from examples.demo.stage import install_operator, install_stack

FAKE = """#!/bin/sh
echo "$@" >> {log}
[ "$1" = status ] || exit 0
[ -n "{status}" ] && echo '{answer}' && exit 0
echo "Error: release: not found" >&2
exit 1
"""


def fake_helm(folder: Path, status: str) -> tuple[Helm, Path]:
    """A helm that knows one release, in this state, and records its arguments."""
    log, program = folder / "log", folder / "helm"
    answer = json.dumps({"info": {"status": status}})
    program.write_text(FAKE.format(log=log, status=status, answer=answer))
    program.chmod(0o755)
    return Helm(str(program), dict(os.environ)), log


@pytest.mark.parametrize(
    ("status", "verbs"),
    [
        ("", ["status", "upgrade"]),
        ("deployed", ["status", "upgrade"]),
        ("failed", ["status", "upgrade"]),
        ("pending-install", ["status", "uninstall", "upgrade"]),
        ("uninstalling", ["status", "uninstall", "upgrade"]),
        ("pending-upgrade", ["status", "rollback", "upgrade"]),
        ("pending-rollback", ["status", "rollback", "upgrade"]),
    ],
)
def test_a_release_that_a_killed_helm_left_pending_is_rolled_back_first(
    tmp_path: Path, status: str, verbs: list[str]
):
    helm, log = fake_helm(tmp_path, status)
    helm.install("davit", "davit-operator", "here")
    assert [line.split()[0] for line in log.read_text().splitlines()] == verbs


def test_values_are_passed_as_json_so_that_their_types_survive(tmp_path: Path):
    helm, log = fake_helm(tmp_path, "")
    helm.install(
        "davit", "davit-operator", "here", {"resolveIntervalSeconds": 5, "connection.secretName": "x"}
    )
    said = log.read_text().splitlines()[-1]
    assert "--set-json resolveIntervalSeconds=5" in said
    assert '--set-json connection.secretName="x"' in said
    assert "--wait" in said


def test_the_demo_prints_the_command_that_it_runs(tmp_path: Path):
    said: list[str] = []
    helm, log = fake_helm(tmp_path, "")
    install_stack(replace(helm, say=said.append), ["davit.dev/postgresql:15"])
    install_operator(replace(helm, say=said.append), kubectl=None, resolve_seconds=5)
    ran = [line for line in log.read_text().splitlines() if line.startswith("upgrade")]
    assert [" ".join(shlex.split(line)) for line in said] == [f"$ helm {line}" for line in ran]
    assert "--values charts/mlflow-stack/values-local-images.yaml" in said[0]
    assert 'connection.secretName="mlflow-davit-connection"' in said[1]


@pytest.mark.parametrize(("status", "there"), [("", False), ("failed", True)])
def test_a_release_in_any_state_counts_as_installed(tmp_path: Path, status: str, there: bool):
    helm, _ = fake_helm(tmp_path, status)
    assert helm.is_installed("davit", "here") is there
