"""`make bench`, also `python -m bench`."""

import argparse
import os
import signal
import sys
import time

from bench.environments import prepare_environment
from bench.errors import BenchFailed
from bench.load import LOAD_CPU, require_wrk
from bench.machine import describe_machine, require_two_cores
from bench.models import MODELS, Model, prepare_model
from bench.places import RESULTS, cache
from bench.publication import kept_results, publish
from bench.results import Results
from bench.servers import BASE, SERVERS
from bench.session import Session
from bench.tables import full_page
from bench.targets import MODEL, judge_targets

ROUNDS = 5
QUICK_ROUNDS = 2


def main(argv: list[str] | None = None) -> int:
    """Measure, and publish the figures of a complete run."""
    options = _parser().parse_args(argv)
    # A SIGTERM to the bench must end the servers in an orderly way too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        if options.publish:
            publish(kept_results())
        else:
            _measure(options)
    except BenchFailed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    models, servers = [model.name for model in MODELS], [server.name for server in SERVERS]
    parser = argparse.ArgumentParser(
        prog="bench", description="Measure Davit beside other MLflow model servers."
    )
    parser.add_argument(
        "--quick", action="store_true", help=f"only {MODEL}, {QUICK_ROUNDS} rounds; ~3 minutes"
    )
    parser.add_argument("--rounds", type=int, help=f"how often every server is measured (default {ROUNDS})")
    parser.add_argument(
        "--models", nargs="+", choices=models, default=models, metavar="MODEL", help=" ".join(models)
    )
    parser.add_argument(
        "--servers", nargs="+", choices=servers, default=servers, metavar="SERVER", help=" ".join(servers)
    )
    parser.add_argument(
        "--publish",
        action="store_true",
        help="measure nothing; write the README from the stored figures",
    )
    return parser


def _measure(options: argparse.Namespace) -> None:
    """Prepare, run, store and print."""
    require_two_cores()
    require_wrk()
    chosen = [server for server in SERVERS if server.name in {*options.servers, BASE}]
    models = [model for model in MODELS if model.name in ([MODEL] if options.quick else options.models)]
    names = dict.fromkeys([*(server.environment for server in chosen), "mlflow"])
    environments = {name: prepare_environment(name) for name in names}
    trained = {model.name: prepare_model(model, environments["mlflow"]) for model in models}
    # Servers and load are pinned to one CPU each; everything between measurements stays off the server's.
    os.sched_setaffinity(0, {int(LOAD_CPU)})
    started = time.monotonic()
    session = Session(environments, chosen, Results(machine=describe_machine(environments)))
    for model in models:
        session.run_model(model, trained[model.name], _rounds(options, model))
    if "davit" in environments and MODEL in trained:
        session.measure_workers(trained[MODEL])
    session.results.minutes = round((time.monotonic() - started) / 60, 1)
    _keep(session.results, whole=len(chosen) == len(SERVERS) and len(models) == len(MODELS))


def _rounds(options: argparse.Namespace, model: Model) -> int:
    """Give the model with targets all rounds and the others fewer, so that a run ends within half an hour."""
    rounds: int = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    return rounds if model.name == MODEL else max(1, rounds - 2)


def _keep(results: Results, *, whole: bool) -> None:
    """Print the results and store them: in the repository for a complete run, else in the cache."""
    path = RESULTS if whole else cache() / "results" / "latest.json"
    results.write(path)
    print(full_page(results))
    for target in judge_targets(results):
        verdict = "reached" if target.reached else "MISSED "
        print(f"{verdict} {target.title}: {target.measured} ({target.wanted})")
    print(f"bench: figures in {path}")
    if whole:
        publish(results)
        print("bench: README.md, docs/performance.md and docs/performance.png written")
