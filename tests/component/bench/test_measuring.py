"""The parts of the bench that touch processes and sockets, against a server of a few lines."""

import os
import sys
from pathlib import Path

import pytest

from bench.answers import compare_answers
from bench.environments import Environment
from bench.errors import BenchFailed
from bench.models import Case, TrainedModel
from bench.processes import group_is_alive, read_tree
from bench.running import running
from bench.servers import Server

CASES = [Case(("a",), [[float(number)]], [2.0 * number]) for number in range(8)]

DOUBLING = """
import http.server, json, sys

class Doubling(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.answer(PLAN)
    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["dataframe_split"]["data"]
        answer = [2.0 * row[0] if row[0] != WRONG_FOR else -1.0 for row in rows]
        self.answer(json.dumps({"predictions": answer}).encode())
    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    log_message = lambda self, *_: None

CHILD
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Doubling)
server.serve_forever()
"""


def program(wrong_for="None", child=""):
    plan = b'{"parameters": {"plan": "each", "reasons": ["no signature"]}}'
    return DOUBLING.replace("WRONG_FOR", wrong_for).replace("CHILD", child).replace("PLAN", repr(plan))


@pytest.fixture
def start(tmp_path):
    model = TrainedModel(tmp_path, {1: CASES})
    environment = Environment("test", Path(sys.prefix))

    def start(text, plan=""):
        def command(launch):
            return [sys.executable, "-c", text, str(launch.port)]

        return running(Server("doubling", "", "test", command, plan=plan), environment, model)

    return start


def test_right_answers_are_counted(start):
    with start(program()) as target:
        assert compare_answers(target.client, CASES, clients=4, seconds=60) == 4 * len(CASES)


def test_one_wrong_answer_aborts_the_measurement(start):
    with start(program(wrong_for="5")) as target, pytest.raises(BenchFailed, match=r"wrong answer: \[-1.0\]"):
        compare_answers(target.client, CASES, clients=4, seconds=60)


def test_a_wrong_first_answer_aborts_the_measurement(start):
    with pytest.raises(BenchFailed, match="doubling: wrong answer"), start(program(wrong_for="0")):
        pass


def test_the_output_of_a_crashed_server_is_reported(start):
    with (
        pytest.raises(BenchFailed, match=r"doubling ended with 3:\nno model"),
        start("print('no model'); exit(3)"),
    ):
        pass


def test_stopping_a_server_stops_its_children(start):
    child = "import subprocess; subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])"
    with start(program(child=child)) as target:
        assert len(read_tree(target.pid)) == 2
    assert not group_is_alive(target.pid)


def test_a_figure_is_never_reported_under_another_plan(start):
    expected = "measured with the plan 'each': no signature"
    with pytest.raises(BenchFailed, match=expected), start(program(), plan="native"):
        pass


def test_the_server_has_a_cpu_of_its_own(start):
    with start(program()) as target:
        assert os.sched_getaffinity(target.pid) == {0}
