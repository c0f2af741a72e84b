"""The figures of a run: stored as JSON, read again for tables and chart."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel

from bench.load import Window


class LoadFigures(BaseModel):
    """One load on one server; each list has one entry a round.

    Attributes:
        rate: Requests a second.
        p50_ms: Median latency.
        p99_ms: Latency that 99 of 100 requests stay below.
        cpu_us: CPU time of the server per request.
        failed: Requests without a good answer.
        others_cpu: CPUs that other programs used meanwhile.
    """

    rate: list[float] = []
    p50_ms: list[float] = []
    p99_ms: list[float] = []
    cpu_us: list[float] = []
    failed: list[int] = []
    others_cpu: list[float] = []

    def add(self, window: Window) -> None:
        """Add one round."""
        self.rate.append(round(window.rate, 1))
        self.p50_ms.append(window.p50_ms)
        self.p99_ms.append(window.p99_ms)
        self.cpu_us.append(round(window.cpu_us, 2))
        self.failed.append(window.failed)
        self.others_cpu.append(round(window.others_cpu, 3))


class ServerFigures(BaseModel):
    """One server with one model.

    Attributes:
        start_seconds: From start to first correct answer, one entry a start.
        memory_mib: Proportional set size after requests of 64 clients, no other server running.
        answers: How many were compared with pyfunc's before anything was timed. All were right, else
            there would be no result.
        loads: By the load's name.
    """

    start_seconds: list[float] = []
    memory_mib: float = 0.0
    answers: int = 0
    loads: dict[str, LoadFigures] = {}


class Machine(BaseModel):
    """Where it was measured.

    Attributes:
        cpu: The processor's name.
        cores: How many CPUs the system reports.
        memory_gib: Its memory.
        system: Kernel and distribution.
        date: The day.
        commit: Of this repository; with `+` when files were changed.
        versions: Of what matters, by environment.
    """

    cpu: str
    cores: int
    memory_gib: float
    system: str
    date: str
    commit: str
    versions: dict[str, dict[str, str]]


class Results(BaseModel):
    """The results of one run.

    Attributes:
        machine: Where.
        rounds: How often each model's servers were visited.
        minutes: How long it took.
        models: By model, then by server.
        workers_mib: Davit's memory by its number of workers, with the first model.
    """

    machine: Machine
    rounds: dict[str, int] = {}
    minutes: float = 0.0
    models: dict[str, dict[str, ServerFigures]] = {}
    workers_mib: dict[int, float] = {}

    def write(self, path: Path) -> None:
        """Write the results as JSON; lists stay on one line, for a short file and readable diffs."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(render(json.loads(self.model_dump_json())) + "\n")

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read what `write` wrote."""
        return cls.model_validate_json(path.read_text())


def render(value: object, indent: int = 0) -> str:
    """Format JSON with objects over several lines and lists on one."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value, ensure_ascii=False)
    inner = " " * (indent + 1)
    entries = (f"{inner}{json.dumps(key)}: {render(entry, indent + 1)}" for key, entry in value.items())
    return "{\n" + ",\n".join(entries) + "\n" + " " * indent + "}"
