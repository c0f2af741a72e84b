"""Models that wait, that must not run twice at a time, and that end a call in unusual ways."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from support.models.row_independence import DECLARED
from support.models.saved import infer_signature, mlflow, save_python, saver


class Calls:
    """How many calls of a model run at one time, in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def forget(self) -> None:
        """Reset the counters."""
        self.most = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one call while the block runs."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1


WAITING, KEEPING, READING = Calls(), Calls(), Calls()


class WaitingModel(mlflow.pyfunc.PythonModel):
    """Waits as many seconds as its input says, as for another service."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        with WAITING.one():
            time.sleep(float(model_input["seconds"].max()))
        return model_input["seconds"].tolist()


@saver
def waiting(path: Path) -> None:
    frame = pd.DataFrame({"seconds": [0.0, 0.001]})
    save_python(path, WaitingModel(), signature=infer_signature(frame), input_example=frame)


class WaitingAgent(mlflow.pyfunc.PythonModel):
    """The same for texts, typed by its hint."""

    def predict(self, model_input: list[float], params=None) -> list[float]:
        with WAITING.one():
            time.sleep(max(model_input))
        return model_input


@saver
def waiting_by_hint(path: Path) -> None:
    save_python(path, WaitingAgent(), input_example=[0.001])


class LastOneModel(mlflow.pyfunc.PythonModel):
    """Keeps its input in itself while it works, as code does that was written for one caller."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        with KEEPING.one():
            self.rows = model_input
            time.sleep(0.01)
            return (self.rows["x"] * 2).tolist()


@saver
def one_at_a_time(path: Path) -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0]})
    save_python(path, LastOneModel(), signature=infer_signature(frame), input_example=frame)


def counted(document):
    """A step of a spaCy pipeline that takes its time."""
    with READING.one():
        time.sleep(0.02)
    return document


@saver
def spacy_pipeline(path: Path) -> None:
    """A flavor whose library is not thread-safe: the vocabulary grows while texts are read."""
    import mlflow.spacy
    import spacy

    spacy.Language.component("davit_counted", func=counted)
    pipeline = spacy.blank("en")
    pipeline.add_pipe("textcat").add_label("GOOD")
    pipeline.get_pipe("textcat").add_label("BAD")
    pipeline.add_pipe("davit_counted")
    pipeline.initialize()
    frame = pd.DataFrame({"text": ["a", "b"]})
    mlflow.spacy.save_model(
        pipeline,
        str(path),
        signature=infer_signature(frame),
        input_example=frame,
        pip_requirements=["spacy"],
    )


class Aborted(BaseException):
    """Not an `Exception`, like those with which gevent or a web framework end a request."""


class Ended(SystemExit):
    """A library's own way of leaving."""


ENDS: dict[str, BaseException] = {
    "exit": SystemExit("no configuration"),
    "exit 0": SystemExit(0),
    "own exit": Ended(3),
    "cancelled": asyncio.CancelledError(),
    "interrupt": KeyboardInterrupt(),
    "generator": GeneratorExit(),
    "aborted": Aborted("enough"),
    "group": BaseExceptionGroup("several", [SystemExit(1), ValueError("x")]),
    "stop": StopIteration(5),
    "timeout": TimeoutError("the other service"),
}


class EndingModel(mlflow.pyfunc.PythonModel):
    """Raises what a row names, and echoes all others."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        time.sleep(0.005)
        for name in model_input["name"]:
            if name in ENDS:
                raise ENDS[name]
        return model_input["name"].str.upper().tolist()


def _save_ending(path: Path, **options: object) -> None:
    frame = pd.DataFrame({"name": ["a", "b"]})
    save_python(path, EndingModel(), signature=infer_signature(frame), input_example=frame, **options)


@saver
def ending(path: Path) -> None:
    _save_ending(path)


@saver
def ending_declared(path: Path) -> None:
    """Its requests share calls."""
    _save_ending(path, metadata=DECLARED)


@saver
def leaving_by_itself(path: Path) -> None:
    """Typed by its hint: its requests go through MLflow's own parsing."""

    class Leaving(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[str], params=None) -> list[str]:
            for name in model_input:
                if name in ENDS:
                    raise ENDS[name]
            return [name.upper() for name in model_input]

    save_python(path, Leaving(), input_example=["a"])
