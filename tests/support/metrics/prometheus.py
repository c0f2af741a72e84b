"""A real Prometheus on loopback that reads one target, to ask it what an alert would ask."""

import json
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from support.metrics.promtool import prometheus_program
from support.servers.processes import free_port

from examples.demo.waiting import until

SCRAPE_INTERVAL = "1s"


class Prometheus:
    """A running Prometheus.

    Args:
        url: Where it answers.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series for which an expression holds now."""
        asked = f"{self._url}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
        with urllib.request.urlopen(asked, timeout=30) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result

    @property
    def ready(self) -> bool:
        """Whether it takes queries."""
        try:
            with urllib.request.urlopen(f"{self._url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def prometheus(
    target: str, labels: dict[str, str], folder: Path, relabelings: Sequence[dict[str, Any]] = ()
) -> Iterator[Prometheus]:
    """Run Prometheus while the block runs.

    Args:
        target: `host:port` of what it reads, on loopback.
        labels: The labels of the target, which it adds to each series.
        folder: For its configuration and data.
        relabelings: What a monitor does with each series.
    """
    scrape = {
        "job_name": "pods",
        "static_configs": [{"targets": [target], "labels": labels}],
        "metric_relabel_configs": [*relabelings],
    }
    configuration = folder / "prometheus.yaml"
    configuration.write_text(
        yaml.safe_dump({"global": {"scrape_interval": SCRAPE_INTERVAL}, "scrape_configs": [scrape]})
    )
    port = free_port()
    command = [
        str(prometheus_program("prometheus")),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    log = folder / "prometheus.log"
    with log.open("wb") as stream, subprocess.Popen(command, stdout=stream, stderr=stream) as process:
        try:
            server = Prometheus(f"http://127.0.0.1:{port}")
            until(lambda: server.ready, "Prometheus", seconds=60, hint=log.read_text)
            yield server
        finally:
            process.terminate()
