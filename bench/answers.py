"""Checks that a server answers what pyfunc answers, also under concurrent requests."""

import http.client
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from bench.errors import BenchFailed
from bench.models import Case
from bench.protocols import Protocol

TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class CheckingClient:
    """A client of one server that compares every answer.

    Attributes:
        port: Where it listens on 127.0.0.1.
        protocol: How it is called.
        tolerance: Largest relative difference of a number from pyfunc's.
    """

    port: int
    protocol: Protocol
    tolerance: float

    def predict(self, connection: http.client.HTTPConnection, case: Case) -> None:
        """Send one request and check the answer.

        Raises:
            BenchFailed: The answer is wrong.
            OSError: There is no answer.
        """
        headers = {"Content-Type": "application/json"}
        connection.request("POST", self.protocol.path, self.protocol.body(case), headers)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise BenchFailed(f"status {response.status}: {body[:300]!r}")
        try:
            answer = self.protocol.answer(body)
        except (KeyError, TypeError, ValueError, IndexError) as failure:
            raise BenchFailed(f"not an answer: {body[:300]!r}") from failure
        if not same(case.answer, answer, self.tolerance):
            raise BenchFailed(f"wrong answer: {str(answer)[:200]} instead of {str(case.answer)[:200]}")

    def connect(self) -> http.client.HTTPConnection:
        """Open a connection for one client."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)


def same(expected: Sequence[Any], answer: Sequence[Any], tolerance: float) -> bool:
    """Return whether two columns of predictions agree: text exactly, numbers within a relative tolerance."""
    return len(expected) == len(answer) and all(
        left == right
        if isinstance(left, str) or isinstance(right, str)
        else math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
        for left, right in zip(expected, answer, strict=True)
    )


def compare_answers(client: CheckingClient, cases: Sequence[Case], clients: int, seconds: float) -> int:
    """Send the cases from several clients at once and return how many answers were right.

    Args:
        client: The client of the server.
        cases: The requests; each client goes through all of them, as time permits.
        clients: How many send requests at once.
        seconds: After how long to stop.

    Raises:
        BenchFailed: An answer was wrong or missing.
    """
    until = time.monotonic() + seconds

    def run_client(number: int) -> int:
        connection = client.connect()
        try:
            for done in range(len(cases)):
                client.predict(connection, cases[(number + done) % len(cases)])
                if time.monotonic() > until:
                    return done + 1
        finally:
            connection.close()
        return len(cases)

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(run_client, range(clients)))
