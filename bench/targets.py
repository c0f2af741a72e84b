"""Davit's targets, compared with the measured figures."""

from collections.abc import Iterator
from dataclasses import dataclass

from bench.figures import Spread, format_spread, paired_ratio
from bench.results import Results, ServerFigures
from bench.servers import BASE

MODEL = "iris"
RATIOS = {
    "native": {"c1": 6.0, "c16": 18.0, "c64": 25.0},
    "pyfunc": {"c1": 1.3, "c16": 7.0, "c64": 15.0},
}
"""CPU time per request of plain FastAPI, divided by that of Davit's plan."""
P99_MS = 25.0
START_SECONDS = 6.0
MEMORY_MIB = 280.0
WORKER_MIB = 80.0


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    Attributes:
        title: What is measured.
        wanted: The target as text.
        measured: The figure as text.
        reached: Whether the median meets the target.
    """

    title: str
    wanted: str
    measured: str
    reached: bool


def judge_targets(results: Results) -> list[Target]:
    """Return all targets for which the run has figures."""
    servers = results.models.get(MODEL, {})
    found: list[Target] = []
    for plan in RATIOS:
        if figures := servers.get(f"davit-{plan}"):
            found += _ratios(plan, figures, servers.get(BASE))
            found += _others(plan, figures)
    return found + list(_workers(results))


def _ratios(plan: str, figures: ServerFigures, base: ServerFigures | None) -> Iterator[Target]:
    """Judge CPU time per request relative to plain FastAPI."""
    if base is None:
        return
    for load, wanted in RATIOS[plan].items():
        ratio = paired_ratio(base.loads[load].cpu_us, figures.loads[load].cpu_us)
        title = f"{plan} plan, {load[1:]} at a time: CPU time per request, plain FastAPI ÷ Davit"
        yield Target(title, f"≥ {wanted:g} ×", f"{format_spread(ratio)} ×", ratio.median >= wanted)


def _others(plan: str, figures: ServerFigures) -> Iterator[Target]:
    """Judge latency, answers, start and memory."""
    p99 = Spread.of(figures.loads["c64"].p99_ms)
    start = Spread.of(figures.start_seconds)
    yield _at_most(f"{plan} plan, 64 at a time: p99", P99_MS, p99, "ms")
    yield Target(f"{plan} plan: wrong answers", "0", f"0 of {figures.answers}", reached=True)
    yield _at_most(f"{plan} plan: start to first correct answer", START_SECONDS, start, "s")
    yield _at_most(f"{plan} plan: memory of one worker", MEMORY_MIB, Spread.of([figures.memory_mib]), "MiB")


def _workers(results: Results) -> Iterator[Target]:
    """Judge the memory of further workers."""
    memory = results.workers_mib
    for number in sorted(memory):
        if number - 1 in memory:
            more = Spread.of([memory[number] - memory[number - 1]])
            yield _at_most(f"memory that worker {number} adds", WORKER_MIB, more, "MiB")


def _at_most(title: str, wanted: float, measured: Spread, unit: str) -> Target:
    """Judge a figure that must not exceed its target."""
    return Target(
        title, f"≤ {wanted:g} {unit}", f"{format_spread(measured)} {unit}", measured.median <= wanted
    )
