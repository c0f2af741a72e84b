"""Send requests to one model at a steady rate, and count the answers and failures.

    python examples/load.py http://127.0.0.1:8080/invocations --body body.json --predictions 3 --seconds 30

Needs nothing but Python, so that it can run in a pod next to the model. Every thread keeps one connection
alive, as real clients do. It stops after `--seconds` or on SIGTERM or SIGINT, lets the requests in flight
finish, and prints one line of JSON with `"final": true`; with `--report N` also such a line every N seconds.

A request counts as answered if its status is 200 with as many predictions as `--predictions`, within
`--timeout`. Everything else counts as failed: another status, a refused or broken connection, a timeout, a
body that does not parse. No request is sent twice. Between two requests the server may close an idle
connection, as HTTP allows; if that is detected before the next request is written, the client opens a new
connection, which counts under `reconnects` and not as a failure.
"""

import argparse
import http.client
import json
import select
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

SIGNALS = {signal.SIGTERM, signal.SIGINT}


class Failed(Exception):
    """A request failed. The message is the kind of failure."""


@dataclass(frozen=True)
class Request:
    """The request: `body` is posted to `url`; `predictions` are expected within `timeout` s."""

    url: SplitResult
    body: bytes
    predictions: int
    timeout: float


@dataclass
class Tally:
    """Counts of all threads together; latencies in seconds."""

    versions: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    reconnects: int = 0
    started: float = field(default_factory=time.monotonic)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, version: str, seconds: float) -> None:
        """Count an answer by this version of the model."""
        with self.lock:
            self.versions[version] += 1
            self.latencies.append(seconds)

    def failure(self, kind: str) -> None:
        """Count a failed request."""
        with self.lock:
            self.failures[kind] += 1

    def reconnect(self) -> None:
        """Count an idle connection that was found closed before a request was sent on it."""
        with self.lock:
            self.reconnects += 1

    def summary(self, *, final: bool) -> dict[str, Any]:
        """Return the counts so far. `sent` = `answered` + `failed`; latencies in milliseconds."""
        with self.lock:
            answered, failed = self.versions.total(), self.failures.total()
            return {
                "final": final,
                "seconds": round(time.monotonic() - self.started, 1),
                "sent": answered + failed,
                "answered": answered,
                "failed": failed,
                "by_version": dict(sorted(self.versions.items())),
                "failures": dict(self.failures),
                "reconnects": self.reconnects,
                "latency_ms": percentiles(self.latencies),
            }


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return median, 90th and 99th percentile and maximum in milliseconds; empty without measurements."""
    ranked = sorted(seconds)
    if not ranked:
        return {}
    share = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}
    return {name: round(1000 * ranked[int(part * (len(ranked) - 1))], 1) for name, part in share.items()}


class Client:
    """One keep-alive connection that sends the same request repeatedly."""

    def __init__(self, request: Request, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        url = request.url
        self._connection = http.client.HTTPConnection(
            url.hostname or "127.0.0.1", url.port or 80, timeout=request.timeout
        )

    def send(self) -> None:
        """Send one request and count its outcome. Never raises."""
        if self._closed_while_idle():
            self._connection.close()
            self._tally.reconnect()
        began = time.monotonic()
        try:
            version = self._exchange()
        except (OSError, http.client.HTTPException, Failed) as error:
            self._connection.close()
            self._tally.failure(str(error) if isinstance(error, Failed) else type(error).__name__)
        else:
            self._tally.answer(version, time.monotonic() - began)

    def _closed_while_idle(self) -> bool:
        # Nothing is in flight here: a readable socket means that the server has closed the connection.
        sock = self._connection.sock
        return sock is not None and bool(select.select([sock], [], [], 0)[0])

    def _exchange(self) -> str:
        headers = {"Content-Type": "application/json"}
        self._connection.request("POST", self._request.url.path or "/", self._request.body, headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.HTTPStatus.OK:
            raise Failed(f"HTTP {response.status}")
        if count_predictions(body) != self._request.predictions:
            raise Failed("wrong number of predictions")
        return response.headers.get("X-Davit-Model-Version") or "unknown"


def count_predictions(body: bytes) -> int:
    """Count the predictions in a response; -1 when it is no response of MLflow's protocol."""
    try:
        return len(json.loads(body)["predictions"])
    except (ValueError, KeyError, TypeError):
        return -1


def send_periodically(client: Client, interval: float, delay: float, stop: threading.Event) -> None:
    """Send a request every `interval` seconds until `stop` is set; a late one causes no burst."""
    due = time.monotonic() + delay
    while not stop.wait(max(0.0, due - time.monotonic())):
        client.send()
        due = max(due + interval, time.monotonic())


def run(request: Request, threads: int, rate: float, seconds: float, report: float) -> Tally:
    """Send requests from several threads, `rate` per second in all, for `seconds` or until a signal."""
    tally = Tally()
    stop = threading.Event()
    workers = [
        threading.Thread(
            target=send_periodically, args=(Client(request, tally), threads / rate, number / rate, stop)
        )
        for number in range(threads)
    ]
    for worker in workers:
        worker.start()
    wait(tally, seconds, report)
    stop.set()
    for worker in workers:
        worker.join()
    return tally


def wait(tally: Tally, seconds: float, report: float) -> None:
    """Return after `seconds` or at the first signal; print the counts every `report` seconds if not 0."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if signal.sigtimedwait(SIGNALS, min(left, report or left)):
            return
        if report:
            print(json.dumps(tally.summary(final=False)), flush=True)


def main() -> None:
    """Read the command line, run, print the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url", type=urlsplit, help="for example http://iris.shop.svc/invocations")
    parser.add_argument("--body", type=Path, required=True, help="file with the JSON body of each request")
    parser.add_argument(
        "--predictions", type=int, required=True, help="number of predictions in a correct answer"
    )
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--rate", type=float, default=100.0, help="requests per second, all threads together")
    parser.add_argument("--seconds", type=float, default=60.0, help="stop after this time at the latest")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds one request may take")
    parser.add_argument(
        "--report", type=float, default=0.0, help="also print the counts at this interval in seconds"
    )
    options = parser.parse_args()

    # Blocked here and in every thread, so that `wait` receives them at a safe moment.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    request = Request(options.url, options.body.read_bytes(), options.predictions, options.timeout)
    tally = run(request, options.threads, options.rate, options.seconds, options.report)
    print(json.dumps(tally.summary(final=True)), flush=True)


if __name__ == "__main__":
    main()
