"""The main thread belongs to the model while it loads, as under `mlflow models serve`; signals are heeded all the same."""

import json
import signal
from pathlib import Path

import pytest
from support.servers.process_tree import server_of
from support.servers.processes import get, wait_for, wait_until_ready


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    "model", ["InsistsOnMainThread", "CurrentLoop", "RunsLoop", "LoopWithSignals", "AlarmThatRaises"]
)
def test_a_model_that_wants_the_main_thread_is_served(model, workers, tmp_path):
    with server_of(model, tmp_path, workers) as server:
        wait_until_ready(server.port, server.process)
        for _ in range(3):
            server.predict()
        code, log = server.end(signal.SIGTERM)
    assert code == 0, log


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_signal_handlers_of_the_model_are_kept_except_for_termination_signals(workers, sig, tmp_path):
    with server_of("Handlers", tmp_path, workers) as server:
        wait_until_ready(server.port, server.process)
        if workers == "1":  # a timer belongs to the process that sets it, a handler to all
            server.predict(1.0)
        code, log = server.end(sig)
    assert code == 0
    assert "the model's own handlers of SIGTERM and SIGINT are replaced" in log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_blocked_main_thread_delays_neither_liveness_nor_termination(workers, tmp_path):
    with server_of("Stubborn", tmp_path, workers, DAVIT_TERMINATION_LOG=termination_log(tmp_path)) as server:
        wait_for((tmp_path / "loading").exists, "the model begins to load")
        wait_until_ready(server.port, server.process, "/v2/health/live")
        assert get(server.port, "/v2/health/ready")[0] == 503
        code, log = server.end(signal.SIGTERM)
    assert code == 0
    assert (tmp_path / "termination-log").read_text() == ""
    assert "Traceback" not in log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hung_check_does_not_delay_termination(workers, tmp_path):
    with server_of("HangsInPredict", tmp_path, workers) as server:
        wait_for((tmp_path / "predicting").exists, "the smoke test begins")
        assert server.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    ("model", "reason", "cause"),
    [
        ("ExitsZero", "ExitedWhileLoading", "sys.exit(0)"),
        ("ExitsWithText", "ExitedWhileLoading", "sys.exit('no configuration')"),
        ("Interrupted", "InterruptedWhileLoading", "KeyboardInterrupt"),
        ("Cancelled", "InterruptedWhileLoading", "CancelledError"),
        ("GeneratorLeft", "InterruptedWhileLoading", "GeneratorExit"),
    ],
)
def test_the_cause_of_a_failed_load_is_reported(model, reason, cause, workers, tmp_path):
    with server_of(model, tmp_path, workers, DAVIT_TERMINATION_LOG=termination_log(tmp_path)) as server:
        code, _ = server.end()
    assert code == 1
    message = json.loads((tmp_path / "termination-log").read_text())
    assert (message["stage"], message["reason"]) == ("load", reason)
    assert cause in message["cause"]
    assert "process_models.py:" in message["cause"], "the place is named"
    assert "memory" not in json.dumps(message)


def test_an_uncatchable_exit_leaves_an_accurate_termination_message(tmp_path):
    with server_of("ExitsHard", tmp_path, DAVIT_TERMINATION_LOG=termination_log(tmp_path)) as server:
        code, _ = server.end()
    assert code == 0
    assert (
        "ended the process itself (os._exit)"
        in json.loads((tmp_path / "termination-log").read_text())["cause"]
    )


def test_an_occupied_port_ends_the_process_with_a_reason_for_every_model(tmp_path):
    with server_of("Stubborn", tmp_path) as first:
        wait_until_ready(first.port, first.process, "/v2/health/live")
        words = termination_log(tmp_path)
        with server_of("Stubborn", tmp_path, port=first.port, DAVIT_TERMINATION_LOG=words) as second:
            code, _ = second.end()
        assert code not in {0, None}
        assert json.loads(Path(words).read_text())["reason"] == "CannotListen"
        first.end(signal.SIGTERM)


def termination_log(folder: Path) -> str:
    file = folder / "termination-log"
    file.touch()
    return str(file)
