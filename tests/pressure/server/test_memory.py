"""Memory really runs out: the process says so, or only the request that asked for too much fails."""

import http.client
import json
import re
from contextlib import closing
from pathlib import Path

from support.models.saved import model_path
from support.servers.processes import PATIENCE_SECONDS, free_port, get, started, wait_until_ready
from support.servers.sandbox import with_memory

TESTS = str(Path(__file__).parents[2])
LIMIT = with_memory(3072)


def ask(port: int, value: float) -> tuple[int, dict]:
    body = json.dumps({"dataframe_split": {"columns": ["a"], "data": [[value]]}})
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("POST", "/invocations", body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def test_a_model_that_does_not_fit_into_the_memory_ends_the_process_with_a_reason(tmp_path: Path):
    told = tmp_path / "termination-log"
    told.touch()
    environment = {"DAVIT_TERMINATION_LOG": str(told), "DAVIT_TEST_HUNGRY": "yes", "PYTHONPATH": TESTS}
    arguments = (str(model_path("hungry")), "--port", str(free_port()))
    with started(*arguments, within=LIMIT, **environment) as process:
        process.communicate(timeout=PATIENCE_SECONDS)
    message = json.loads(told.read_text())
    assert process.returncode == 1
    assert (message["stage"], message["reason"]) == ("load", "OutOfMemory")
    assert re.match(
        r"Memory ran out \(the model.s files have \d MiB; the limit is 3072 MiB", message["cause"]
    )
    assert message["cure"] == "Raise spec.resources.limits.memory, or make the model smaller."


def test_a_request_beyond_the_memory_limit_fails_alone():
    port = free_port()
    arguments = (str(model_path("hungry")), "--port", str(port))
    with started(*arguments, within=LIMIT, PYTHONPATH=TESTS) as process:
        wait_until_ready(port, process)
        status, error = ask(port, 1.0)
        after = [ask(port, 0.0) for _ in range(3)]
        live = get(port, "/v2/health/live")[0]
    assert status == 500
    assert "send fewer rows" in error["message"]
    assert after == [(200, {"predictions": [{"a": 0.0}]})] * 3
    assert live == 200
