"""The models that every server is measured with."""

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environments import Environment
from bench.errors import BenchFailed
from bench.places import PEERS, cache


@dataclass(frozen=True, slots=True)
class Model:
    """A model of the bench.

    Attributes:
        name: Its name in options and results.
        title: What it is, for a reader.
    """

    name: str
    title: str


MODELS = (
    Model("iris", "logistic regression, 4 columns (iris)"),
    Model("forest", "random forest, 100 trees, 20 columns"),
    Model("wrapper", "Python wrapper around the iris model"),
    Model("waiting", "Python wrapper around iris that waits 20 ms, as for a service"),
    Model("lightgbm", "LightGBM, 100 trees, 100 columns"),
)


@dataclass(frozen=True, slots=True)
class Case:
    """One request: a table without missing values, and pyfunc's own answer to it, one value a row."""

    columns: tuple[str, ...]
    data: list[list[float]]
    answer: list[Any]


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A model on disk with the bench's requests to it.

    Attributes:
        path: Folder with the MLmodel file.
        cases: Requests by their number of rows.
    """

    path: Path
    cases: dict[int, list[Case]]


def prepare_model(model: Model, environment: Environment) -> TrainedModel:
    """Return the trained model, from the cache if the training script and the libraries are the same.

    Args:
        model: Which one.
        environment: Where MLflow and the model libraries are.

    Raises:
        BenchFailed: Training failed; the message contains the end of its output.
    """
    script = PEERS / "training.py"
    mark = hashlib.sha256(script.read_bytes() + environment.path.name.encode()).hexdigest()[:12]
    folder = cache() / "models" / f"{model.name}-{mark}"
    if not folder.exists():
        print(f"bench: training {model.name} (once)", flush=True)
        _train(script, model, environment, folder)
    return TrainedModel(folder / "model", read_cases((folder / "cases.json").read_text()))


def _train(script: Path, model: Model, environment: Environment, folder: Path) -> None:
    """Train into a folder that appears only when it is complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        target = Path(scratch) / model.name
        target.mkdir()
        done = subprocess.run(
            [environment.program("python"), str(script), model.name, str(target)],
            cwd=scratch,
            env=os.environ | {"MLFLOW_UV_AUTO_DETECT": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchFailed(f"training {model.name} failed:\n{done.stderr[-2000:].strip()}")
        shutil.move(target, folder)


def read_cases(text: str) -> dict[int, list[Case]]:
    """Read the requests that the training script wrote."""
    document = json.loads(text)
    columns = tuple(document["columns"])
    return {
        int(rows): [Case(columns, entry["data"], entry["answer"]) for entry in entries]
        for rows, entries in document["cases"].items()
    }
