"""`davit fetch` as the pod runs it: environment in, exit code, log and termination message out."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from davit_server.artifacts import command
from davit_server.telemetry.logging import configure_logging
from support.fakes.store_server import StoreServer

FOLDER = "artifacts/1/m/"
SECRETS = ["secret-of-the-test", "password-of-the-test", "X-Amz-Signature", "signature-of-the-proxy"]


pytestmark = pytest.mark.usefixtures("log_settings_as_before")


@pytest.fixture
def environment(store: StoreServer, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "termination").touch()
    store.put(FOLDER + "MLmodel", b"flavors: {}")
    store.put(FOLDER + "model.bin", b"x" * 5000)
    return {
        "DAVIT_FETCH_LOCATION": "mlflow-artifacts:/1/m",
        "DAVIT_FETCH_DIGEST": "",
        "DAVIT_FETCH_DESTINATION": str(tmp_path / "model"),
        "DAVIT_REGISTRY_URL": store.url,
        "DAVIT_REGISTRY_USERNAME": "somebody",
        "DAVIT_REGISTRY_PASSWORD": "password-of-the-test",
        "DAVIT_TERMINATION_LOG": str(tmp_path / "termination"),
        "DAVIT_LOG_LEVEL": "DEBUG",
        "AWS_ACCESS_KEY_ID": "key-of-the-test",
        "AWS_SECRET_ACCESS_KEY": "secret-of-the-test",
        "AWS_ENDPOINT_URL": store.url,
        "AWS_REGION": "us-east-1",
    }


@pytest.fixture
def run(environment, monkeypatch, capfd, tmp_path):
    """Runs it in this process; returns the exit code, the log and what is on the termination log."""

    def _run(**changed: str) -> tuple[int, list[dict], dict]:
        for name, value in (environment | changed).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(
            command, "configure_logging", partial(configure_logging, stream=(log := StringIO()))
        )
        code = command.main()
        captured = capfd.readouterr()
        told = (tmp_path / "termination").read_text()
        for secret in SECRETS:
            assert secret not in captured.err + captured.out + log.getvalue() + told
        return code, [json.loads(line) for line in log.getvalue().splitlines()], json.loads(told or "{}")

    return _run


@pytest.mark.parametrize("location", ["mlflow-artifacts:/1/m", "s3://mlflow/artifacts/1/m"])
def test_a_successful_fetch_exits_with_0_and_reports_the_download(run, tmp_path, location):
    code, log, told = run(DAVIT_FETCH_LOCATION=location)
    assert (code, told) == (0, {})
    assert (tmp_path / "model" / "model.bin").stat().st_size == 5000
    assert log[-1]["message"] == "model fetched and verified"
    assert (log[-1]["files"], log[-1]["received_bytes"]) == (2, 5011)


def test_no_secret_is_logged_even_when_the_store_misbehaves_at_level_debug(run, store):
    store.troubles.extend([lambda talk, stored: talk.answer(stored)] * 2)  # the tags
    store.troubles.append(lambda talk, stored: talk.cut(stored, after=5))
    store.troubles.append(lambda talk, _: talk.say(403))
    code, _, _ = run()
    assert code == 0
    assert any("X-Amz-Signature" in one.path for one in store.seen)


def test_a_different_digest_exits_with_1_and_a_termination_message(run):
    code, log, told = run(DAVIT_FETCH_DIGEST="sha256:" + "0" * 64)
    assert code == 1
    assert told.keys() == {"class", "stage", "reason", "cause", "cure"}
    assert (told["stage"], told["reason"]) == ("fetch", "DigestMismatch")
    assert log[-1]["reason"] == "DigestMismatch"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"DAVIT_FETCH_LOCATION": "mlflow-artifacts:/nowhere"}, "LocationEmpty"),
        ({"DAVIT_FETCH_LOCATION": "s3://mlflow/nowhere"}, "LocationEmpty"),
        ({"DAVIT_FETCH_LOCATION": "gs://bucket/x"}, "UnsupportedStore"),
        ({"DAVIT_REGISTRY_URL": ""}, "UnsupportedStore"),
        ({"DAVIT_REGISTRY_URL": "mlflow"}, "InvalidRegistryUrl"),
        ({"DAVIT_CA_CERTIFICATES": "no certificate"}, "InvalidCaCertificates"),
        ({"DAVIT_FETCH_LOCATION": "s3://mlflow/x", "AWS_ENDPOINT_URL": "store"}, "InvalidEndpoint"),
        ({"DAVIT_FETCH_DESTINATION": "/proc/nowhere"}, "DiskFailed"),
    ],
)
def test_every_failure_reaches_the_termination_log(run, changed, reason):
    code, _, told = run(**changed)
    assert (code, told["stage"], told["reason"]) == (1, "fetch", reason)
    assert told["cause"]
    assert told["cure"]


def test_an_incomplete_environment_names_the_variable(monkeypatch, capfd):
    monkeypatch.delenv("DAVIT_FETCH_LOCATION", raising=False)
    assert command.main() == 2
    assert "DAVIT_FETCH_LOCATION" in capfd.readouterr().err


def test_sigterm_stops_a_fetch_immediately(environment, store):
    """Not as PID 1 of a container, where the kernel drops signals without a handler."""
    store.troubles.extend([lambda talk, _: talk.store.released.wait(60)] * 10)
    process = subprocess.Popen(
        [sys.executable, "-c", "from davit_server.artifacts.command import main; raise SystemExit(main())"],
        env=os.environ | environment | {"DAVIT_FETCH_LOCATION": "s3://mlflow/artifacts/1/m"},
        stderr=subprocess.PIPE,
    )
    with process:
        limit = time.monotonic() + 60
        while not store.gets() and time.monotonic() < limit and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        code = process.wait(30)
    store.released.set()
    assert code == 128 + signal.SIGTERM
    assert time.monotonic() - began < 10
