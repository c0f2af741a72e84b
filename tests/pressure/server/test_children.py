"""Models that start processes: they work as anywhere else, and none outlives the server."""

import os
import signal

import pytest
from support.models.process_models import marked
from support.servers.process_tree import server_of
from support.servers.processes import get, wait_for, wait_until_ready


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize(
    "model",
    [
        "ForkPool",
        "KeptForkPool",
        "SpawnPool",
        "KeptSpawnPool",
        "ForkServerPool",
        "Executor",
        "Joblib",
        "Sleeper",
        "Orphan",
        "Child",
        "PoolWhileLoading",
        "PoolKeptWhileLoading",
        "ExecutorWhileLoading",
    ],
)
def test_a_model_may_start_processes_and_all_of_them_end_with_the_server(model, workers, tmp_path):
    with server_of(model, tmp_path, workers) as server:
        wait_until_ready(server.port, server.process)
        for _ in range(3):
            server.predict()
        code, log = server.end(signal.SIGTERM)
    assert code == 0, log
    assert "leaked" not in log
    assert "Traceback" not in log


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_while_loading_ends_processes_of_the_model(workers, tmp_path):
    with server_of("SleeperWhileLoading", tmp_path, workers) as server:
        wait_for((tmp_path / "loading").exists, "the model begins to load")
        assert len(marked(server.mark)) >= 2
        code, _ = server.end(signal.SIGTERM)
    assert code == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_rejected_model_leaves_no_process_behind(workers, tmp_path):
    with server_of("ExitsAfterStarting", tmp_path, workers) as server:
        code, _ = server.end()
    assert code == 1


def test_the_second_ctrl_c_ends_processes_of_the_model(tmp_path):
    with server_of("Sleeper", tmp_path) as server:
        wait_until_ready(server.port, server.process)
        server.predict()
        server.end(signal.SIGINT, signal.SIGINT)


def test_a_killed_workers_process_pool_ends_too(tmp_path):
    with server_of("KeptForkPool", tmp_path, "2") as server:
        wait_until_ready(server.port, server.process)
        first = set(marked(server.mark))
        worker = next(pid for pid in first if len(group(pid, first)) > 1)
        pool = group(worker, first) - {worker}
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: not pool & set(marked(server.mark)), "the pool of the killed worker ends")
        server.predict()
        server.end(signal.SIGTERM)


def group(leader: int, among: set[int]) -> set[int]:
    return {pid for pid in among if os.getpgid(pid) == leader}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_forked_child_inherits_neither_sockets_nor_handlers_nor_blocked_signals(workers, tmp_path):
    with server_of("Reporting", tmp_path, workers) as server:
        wait_until_ready(server.port, server.process)
        report = tmp_path / "inherited"
        report.unlink(missing_ok=True)
        server.predict()
        wait_for(report.exists, "the child's report")
        assert report.read_text() == "0 [0, 'default_int_handler'] set()"
        server.end(signal.SIGTERM)


def test_sigterm_to_a_forked_child_ends_it_and_not_the_server(tmp_path):
    with server_of("Child", tmp_path) as server:
        wait_until_ready(server.port, server.process)
        server.predict()
        below = set(marked(server.mark)) - {server.process.pid}
        assert below
        for pid in below:
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not below & set(marked(server.mark)), "the children end")
        assert get(server.port, "/v2/health/ready")[0] == 200
        server.predict()
        assert server.end(signal.SIGTERM)[0] == 0
