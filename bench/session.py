"""A complete run: every server alone first, then side by side in rounds."""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.answers import compare_answers
from bench.environments import Environment
from bench.load import LOADS, Load, bodies, measure
from bench.models import Model, TrainedModel
from bench.processes import pss_mib
from bench.results import LoadFigures, Results, ServerFigures
from bench.running import RunningServer, running
from bench.servers import Server, davit

CLIENTS = 64
CHECK_SECONDS = 2.0
WORKERS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Session:
    """The servers to measure and the results so far.

    Attributes:
        environments: By name.
        servers: The selected servers.
        results: Completed while the run proceeds.
    """

    environments: dict[str, Environment]
    servers: Sequence[Server]
    results: Results

    def run_model(self, model: Model, trained: TrainedModel, rounds: int) -> None:
        """Check and measure all servers with one model.

        Raises:
            BenchFailed: A server does not start, or answers wrongly.
        """
        servers = [server for server in self.servers if not server.models or model.name in server.models]
        figures = self.results.models.setdefault(model.name, {})
        self.results.rounds[model.name] = rounds
        for server in servers:
            figures[server.name] = self._alone(server, trained)
        with contextlib.ExitStack() as stack:
            targets = []
            for server in servers:
                target = stack.enter_context(running(server, self.environments[server.environment], trained))
                figures[server.name].start_seconds.append(round(target.start_seconds, 2))
                compare_answers(target.client, trained.cases[1], CLIENTS, CHECK_SECONDS / 3)
                targets.append(target)
            for number in range(rounds):
                _say(f"{model.name}: round {number + 1} of {rounds}")
                for load in LOADS:
                    self._visit(targets, load, trained, figures)

    def _alone(self, server: Server, trained: TrainedModel) -> ServerFigures:
        """Measure start time, answers and memory of a server while no other runs."""
        with running(server, self.environments[server.environment], trained) as target:
            right = compare_answers(target.client, trained.cases[1], CLIENTS, CHECK_SECONDS)
            for rows in sorted(trained.cases)[1:]:
                right += compare_answers(target.client, trained.cases[rows], 4, CHECK_SECONDS)
            memory = round(pss_mib(target.pid), 1)
        _say(f"{server.name}: {target.start_seconds:.1f} s to its first answer; {right} answers compared, "
             f"0 wrong; {memory:.0f} MiB")  # fmt: skip
        return ServerFigures(start_seconds=[round(target.start_seconds, 2)], memory_mib=memory, answers=right)

    def _visit(
        self,
        targets: Sequence[RunningServer],
        load: Load,
        trained: TrainedModel,
        figures: dict[str, ServerFigures],
    ) -> None:
        """Measure one load on each server in turn."""
        for target in targets:
            lines = [target.client.protocol.body(case) for case in trained.cases[load.rows]]
            with bodies(lines) as requests:
                window = measure(target, load, requests)
            figures[target.server.name].loads.setdefault(load.name, LoadFigures()).add(window)

    def measure_workers(self, trained: TrainedModel) -> None:
        """Measure Davit's memory with one, two and three workers, all of them under load."""
        heavy = next(load for load in LOADS if load.name == "c64")
        for workers in WORKERS:
            server = davit("native", "auto", workers=workers)
            with (
                running(server, self.environments[server.environment], trained) as target,
                bodies([server.protocol.body(case) for case in trained.cases[1]]) as requests,
            ):
                measure(target, heavy, requests)
                self.results.workers_mib[workers] = round(pss_mib(target.pid), 1)
            _say(f"Davit with {workers} workers: {self.results.workers_mib[workers]:.0f} MiB")


def _say(text: str) -> None:
    """Print a progress line."""
    print(f"bench: {time.strftime('%H:%M:%S')} {text}", flush=True)
