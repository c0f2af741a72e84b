"""A training script that never pauses, for a pod: it writes to MLflow until /tmp/stop appears, then says what it wrote.

Runs the client with its default retries, which do not reach an answer that breaks off in the middle: the call is made
again then, as a careful script would. Every call that returned counts as written: if MLflow lost one of them, or has one
twice, whoever compares the report with the server finds out.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ARTIFACT_EVERY = 20


class Retries(logging.Handler):
    """Counts how often the HTTP client asks again: because a connection broke, or because of a status."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith(("Retrying (", "Retry: "))


def count_retries() -> Retries:
    """Count from now on; urllib3 says only at the level DEBUG that it asks again because of a status."""
    retries = Retries()
    pool = logging.getLogger("urllib3.connectionpool")
    pool.setLevel(logging.DEBUG)
    pool.addHandler(retries)
    pool.propagate = False
    return retries


def repeat_until_answered(call: Callable[[], object]) -> int:
    """Make a call that does no harm twice; returns how many answers broke off."""
    from mlflow.exceptions import MlflowException

    broken = 0
    while True:
        try:
            call()
        except MlflowException as failure:
            # How requests says it, and MLflow repeats it.
            if "Connection broken: IncompleteRead" not in str(failure):
                raise
            broken += 1
        else:
            return broken


def writes(step: int) -> Iterator[Callable[[], object]]:
    """What is written in a step; with a time of its own a metric is the same value when it is written again."""
    import mlflow

    now = int(time.time() * 1000)
    yield lambda: mlflow.log_metric("loss", 1 / (step + 1), step=step, timestamp=now)
    yield lambda: mlflow.log_param(f"param-{step}", step)
    if step % ARTIFACT_EVERY == 0:
        yield lambda: mlflow.log_text(f"artifact {step}", f"{step}.txt")


def main() -> None:
    import mlflow

    retries = count_retries()
    step = broken = 0
    with mlflow.start_run() as run:
        while not Path("/tmp/stop").exists():
            for write in writes(step):
                broken += repeat_until_answered(write)
            step += 1
            if step % 10 == 0:
                print(f"steps {step} retries {retries.count}", flush=True)  # noqa: T201 - read from the pod's log
    report = {"run": run.info.run_id, "steps": step, "retries": retries.count, "broken": broken}
    print(json.dumps(report), flush=True)  # noqa: T201 - likewise


if __name__ == "__main__":
    main()
