"""Whether a server answers what pyfunc answers, also when many ask at once."""

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
class Asker:
    """Asks one server and compares every answer.

    Attributes:
        port: Where it listens on 127.0.0.1.
        protocol: How it is asked.
        tolerance: Largest relative difference of a number from pyfunc's.
    """

    port: int
    protocol: Protocol
    tolerance: float

    def ask(self, connection: http.client.HTTPConnection, case: Case) -> None:
        """One request.

        Raises:
            BenchFailed: The answer is wrong.
            OSError: There is none.
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
        """A connection for one client."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)


def same(expected: Sequence[Any], answer: Sequence[Any], tolerance: float) -> bool:
    """Whether two columns of predictions are the same: words exactly, numbers within a relative tolerance."""
    return len(expected) == len(answer) and all(
        left == right
        if isinstance(left, str) or isinstance(right, str)
        else math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
        for left, right in zip(expected, answer, strict=True)
    )


def compare_answers(asker: Asker, cases: Sequence[Case], clients: int, seconds: float) -> int:
    """Ask with several clients at once, each starting at another case; returns how many answers were right.

    Args:
        asker: Asks the server.
        cases: The requests; each client goes through all of them, as time permits.
        clients: How many ask at once.
        seconds: When to stop.

    Raises:
        BenchFailed: An answer was wrong or missing.
    """
    until = time.monotonic() + seconds

    def client(number: int) -> int:
        connection = asker.connect()
        try:
            for done in range(len(cases)):
                asker.ask(connection, cases[(number + done) % len(cases)])
                if time.monotonic() > until:
                    return done + 1
        finally:
            connection.close()
        return len(cases)

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(client, range(clients)))
