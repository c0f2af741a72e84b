"""The figures as Markdown: a short section for the README, and a page with all of them."""

from collections.abc import Collection, Sequence

from bench.figures import Spread, format_spread, paired_ratio, short
from bench.load import LOADS, Load
from bench.models import MODELS, Model
from bench.results import LoadFigures, Machine, Results, ServerFigures
from bench.servers import BASE, SERVERS, Server
from bench.targets import MODEL, judge_targets

SINGLE = tuple(load for load in LOADS if load.rows == 1)
LEFT_OUT = ("mlserver",)
"""Servers that only the full page shows; the README shows this one with batching, where it is faster."""
QUIET_CPU = 0.1
"""CPU time of other programs, in cores, above which the page warns."""

METHOD = (
    "One worker on one core, [wrk](https://github.com/wg/wrk) on the other, 64 different one-row requests in "
    "turn; Davit's metrics, logging, limits and deadlines on. Before anything was timed, the answers of all "
    "servers were compared with those of `pyfunc.predict`, with 64 clients at once. {rounds} rounds, each of "
    "which visits every server; median (lowest–highest)."
)
RATIO = (
    "× is the CPU time per request of plain FastAPI divided by that of the server, compared round by round"
)
BATCHED = (
    "Logistic regression is known to treat each row by itself, so requests share calls of it. Python code of "
    "your own gets each request alone unless you declare its rows independent: the page of all figures shows "
    "both."
)
MORE = (
    "All servers, models and targets, the missed ones included: [docs/performance.md](docs/performance.md). "
    "`make bench` measures again; [bench/](bench/) says how."
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Format a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def readme_section(results: Results) -> str:
    """Format machine, chart and the first model's comparison; the page has the rest."""
    parts = [
        _summary(results),
        "![Requests answered with a second of CPU time, by server and model](docs/performance.png)",
        f"{_title(MODEL)}; {RATIO}:",
        comparison(results, MODEL, without=LEFT_OUT),
        BATCHED,
        MORE,
    ]
    return "\n\n".join(parts)


def full_page(results: Results) -> str:
    """Format all figures, for docs/performance.md."""
    parts = [
        "# Performance: all figures",
        "Written by `make bench`; how it measures is in [bench/](../bench/).",
        f"{_machine(results.machine)} The run took {results.minutes:.0f} minutes. {_quiet(results)}",
        METHOD.format(rounds=results.rounds[MODEL]),
        f"{RATIO}.",
        f"## Targets: {_title(MODEL)}",
        comparison(results, MODEL),
        "Davit's targets with this model:",
        _targets(results),
    ]
    for model in MODELS:
        if model.name in results.models:
            parts += [f"## {_title(model.name)}", costs(results, model), speeds(results, model)]
    if results.workers_mib:
        parts += ["## Workers", _workers(results.workers_mib)]
    parts += ["## Versions", _versions(results.machine)]
    return "\n\n".join(parts) + "\n"


def _targets(results: Results) -> str:
    """Format the targets beside the measured figures."""
    rows = [[target.title, target.wanted, target.measured, "✓" if target.reached else "**missed**"]
            for target in judge_targets(results)]  # fmt: skip
    return table(["", "target", "measured", ""], rows)


def comparison(results: Results, model: str, without: Collection[str] = ()) -> str:
    """Format one row per server, except those in `without`: ratios, throughput, latency, start, memory."""
    figures = results.models[model]
    head = ["", *(f"{load.clients} at a time" for load in SINGLE), "req/s (64)", "p50 / p99 ms (64)",
            "start s", "MiB"]  # fmt: skip
    rows = []
    for server in _present(results, model):
        if server.name in without:
            continue
        found = figures[server.name]
        busy = found.loads["c64"]
        rows.append(
            [
                server.title,
                *(f"{_ratio(figures, server, load)} ×" for load in SINGLE),
                short(Spread.of(busy.rate).median),
                _latency(busy.p50_ms, busy.p99_ms),
                short(Spread.of(found.start_seconds).median),
                short(found.memory_mib),
            ]
        )
    return table(head, rows)


def costs(results: Results, model: Model) -> str:
    """Format CPU time per request: one row per server, one column per load."""
    figures = results.models[model.name]
    rows = [
        [server.title, *(_cost(figures, server, load) for load in LOADS)]
        for server in _present(results, model.name)
    ]
    return table(["CPU time per request", *map(_load_title, LOADS)], rows)


def _cost(figures: dict[str, ServerFigures], server: Server, load: Load) -> str:
    """Format the CPU time of a request, and its ratio to plain FastAPI."""
    found = format_spread(Spread.of(figures[server.name].loads[load.name].cpu_us))
    return f"{found} µs = {_ratio(figures, server, load)} ×"


def speeds(results: Results, model: Model) -> str:
    """Format throughput and latency, one row per server and one column per load; then start and memory."""
    figures = results.models[model.name]
    head = ["throughput; p50 / p99", *map(_load_title, LOADS), "start s", "memory MiB", "answers compared"]
    rows = [
        [
            server.title,
            *(_speed(figures[server.name].loads[load.name], load) for load in LOADS),
            format_spread(Spread.of(figures[server.name].start_seconds)),
            short(figures[server.name].memory_mib),
            str(figures[server.name].answers),
        ]
        for server in _present(results, model.name)
    ]
    return table(head, rows)


def _speed(found: LoadFigures, load: Load) -> str:
    """Format throughput and latency; failed requests do not count."""
    rate = Spread.of(found.rate).median
    shown = f"{short(rate)} req/s" if load.rows == 1 else f"{short(rate * load.rows)} rows/s"
    failed = f"; **{sum(found.failed)} failed**" if any(found.failed) else ""
    return f"{shown}; {_latency(found.p50_ms, found.p99_ms)} ms{failed}"


def _ratio(figures: dict[str, ServerFigures], server: Server, load: Load) -> str:
    """Format how many times less CPU time a request takes than with plain FastAPI."""
    if BASE not in figures:
        return "–"
    base, other = figures[BASE].loads[load.name], figures[server.name].loads[load.name]
    return "1" if server.name == BASE else format_spread(paired_ratio(base.cpu_us, other.cpu_us))


def _latency(p50_ms: Sequence[float], p99_ms: Sequence[float]) -> str:
    """Format the medians of p50 and p99."""
    return f"{short(Spread.of(p50_ms).median)} / {short(Spread.of(p99_ms).median)}"


def _present(results: Results, model: str) -> list[Server]:
    """Return the servers that were measured with a model, in the catalog's order."""
    return [server for server in SERVERS if server.name in results.models[model]]


def _title(name: str) -> str:
    """Return a model's title with a capital letter."""
    title = next(model.title for model in MODELS if model.name == name)
    return title[0].upper() + title[1:]


def _load_title(load: Load) -> str:
    """Return a load as a column header."""
    rows = "1 row" if load.rows == 1 else f"{load.rows} rows"
    return f"{rows}, {load.clients} at a time"


def _machine(machine: Machine) -> str:
    """Describe the machine in a sentence."""
    return (
        f"Measured on {machine.date} on a machine with {machine.cores} cores ({machine.cpu}) and "
        f"{machine.memory_gib:.0f} GiB, {machine.system}, commit {machine.commit}."
    )


def _summary(results: Results) -> str:
    """Describe machine and method briefly; warn if other programs disturbed the run."""
    machine = results.machine
    found = (
        f"Measured on {machine.date} on a machine with {machine.cores} cores ({machine.cpu}) and "
        f"{machine.memory_gib:.0f} GiB, commit {machine.commit}: one worker on one core, every answer "
        f"compared with that of `pyfunc.predict`, {results.rounds[MODEL]} rounds, median (lowest–highest)."
    )
    return f"{found} {_quiet(results)}" if _others(results).median > QUIET_CPU else found


def _others(results: Results) -> Spread:
    """Return the CPU time that other programs used during each window, in cores."""
    return Spread.of(
        [
            share
            for figures in results.models.values()
            for server in figures.values()
            for load in server.loads.values()
            for share in load.others_cpu
        ]
    )


def _quiet(results: Results) -> str:
    """Describe how much CPU other programs used."""
    spread = _others(results)
    used = f"Other programs used {spread.median:.2f} of a core in the median, {spread.high:.2f} at most"
    if spread.median > QUIET_CPU:
        return f"{used}: the machine was **not quiet**, trust the ratios only."
    return f"{used}."


def _workers(memory: dict[int, float]) -> str:
    """Format Davit's memory by its number of workers."""
    head = ["workers", "memory MiB (proportional set size, all processes)"]
    return table(head, [[str(number), short(mib)] for number, mib in sorted(memory.items())])


def _versions(machine: Machine) -> str:
    """Format the installed versions by environment."""
    names = sorted({name for pinned in machine.versions.values() for name in pinned})
    head = ["", *machine.versions]
    rows = [[name, *(pinned.get(name, "") for pinned in machine.versions.values())] for name in names]
    return table(head, rows)
