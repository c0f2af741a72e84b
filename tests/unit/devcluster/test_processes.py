import json
import subprocess
import sys
from dataclasses import replace

import pytest

from devcluster.node.processes import (
    Identity,
    Record,
    end,
    identify,
    is_alive,
    kill_all,
    read_record,
    write_record,
)


@pytest.fixture
def bystander():
    """A foreign process that waits for its input to close."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.fixture
def deaf():
    """A process that does not end when asked to."""
    program = (
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); input()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        yield process
        process.kill()


def test_a_process_is_known_by_number_start_and_boot(bystander):
    identity = identify(bystander.pid)
    assert identity is not None
    assert identity.pid == bystander.pid
    assert is_alive(identity)


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another boot"}])
def test_a_stale_record_never_ends_a_foreign_process(bystander, change):
    stale = replace(identify(bystander.pid), **change)
    end(stale, patience=0.1)
    assert bystander.poll() is None


def test_the_process_of_a_true_record_ends(bystander):
    end(identify(bystander.pid), patience=10)
    assert bystander.wait(timeout=10) != 0


def test_a_process_that_ignores_sigterm_is_killed(deaf):
    end(identify(deaf.pid), patience=0.1)
    assert deaf.wait(timeout=10) == -9


def test_a_zombie_does_not_count_as_alive(bystander):
    identity = identify(bystander.pid)
    kill_all([bystander.pid])
    assert not is_alive(identity)  # not reaped yet


def test_ending_what_has_ended_is_harmless(bystander):
    identity = identify(bystander.pid)
    bystander.kill()
    bystander.wait()
    end(identity, patience=0.1)
    kill_all([bystander.pid])


def test_a_record_is_read_as_it_was_written(tmp_path):
    record = Record(Identity(12, 345, "boot"), "fingerprint")
    write_record(tmp_path / "etcd.json", record)
    assert read_record(tmp_path / "etcd.json") == record


@pytest.mark.parametrize("text", ["", "{", "[]", '{"identity": {"pid": 1}}', json.dumps({"identity": 3})])
def test_a_damaged_record_is_no_record(tmp_path, text):
    path = tmp_path / "etcd.json"
    path.write_text(text)
    assert read_record(path) is None


def test_a_missing_record_is_no_record(tmp_path):
    assert read_record(tmp_path / "etcd.json") is None
