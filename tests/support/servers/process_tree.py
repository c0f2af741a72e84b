"""A real server for the models of `process_models`, and a look at all that it has started."""

import contextlib
import http.client
import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from support.models.process_models import MARK, SCRATCH, marked
from support.models.saved import model_path
from support.servers.processes import free_port, started, wait_for

TESTS = str(Path(__file__).parents[2])
BODY = json.dumps({"dataframe_records": [{"x": -1.5}]})


@dataclass
class Server:
    """A server with a model that starts processes."""

    process: subprocess.Popen[str]
    port: int
    mark: str
    scratch: Path

    def predict(self, expected: float = 1.5) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request("POST", "/invocations", BODY, {"content-type": "application/json"})
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())) == (200, {"predictions": [expected]})

    def end(self, *signals: int) -> tuple[int, str]:
        """Exit code and log after signals; fails if a process is left behind."""
        for sig in signals:
            self.process.send_signal(sig)
        _, log = self.process.communicate(timeout=60)
        wait_for(lambda: not marked(self.mark), f"no process is left behind: {marked(self.mark)}\n{log}")
        return self.process.returncode, log


@contextlib.contextmanager
def server_of(
    model: str, scratch: Path, workers: str = "1", port: int = 0, **environment: str
) -> Iterator[Server]:
    """A server of one of these models; at the end nothing of it is left, whatever the test has found."""
    port, mark = port or free_port(), uuid.uuid4().hex
    settings = {"DAVIT_DRAIN_SECONDS": "0", "PYTHONPATH": TESTS, MARK: mark, SCRATCH: str(scratch)}
    arguments = (str(model_path(model)), "--port", str(port), "-w", workers)
    with started(*arguments, **(settings | environment)) as process:
        try:
            yield Server(process, port, mark, scratch)
        finally:
            for pid in marked(mark):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
