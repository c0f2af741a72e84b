"""Clients of a stack, configured by nothing but the commands in the chart's notes."""

import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from support.stack.release import RELEASE, StackRelease

from devcluster.commands import run

SCRIPT = Path(__file__).with_name("register_two_versions.py")


def variables_from_notes(stack: StackRelease, folder: Path) -> dict[str, str]:
    """Run the commands that `helm get notes` prints in a folder, and return the variables of MLflow's client."""
    arguments = ["get", "notes", RELEASE, "--namespace", stack.place.namespace]
    notes = run([stack.helm.program, *arguments], environment=stack.helm.environment)
    lines = [line.strip() for line in notes.splitlines()]
    commands = [line for line in lines if line.startswith("export ") or " get secret " in line]
    script = "\n".join([*commands, "env -0"])
    said = run(["sh", "-euc", script], environment=stack.place.kubectl.environment, directory=str(folder))
    variables = dict(entry.split("=", 1) for entry in said.split("\0") if entry)
    return {name: value for name, value in variables.items() if name.startswith("MLFLOW_")}


def register_models(stack: StackRelease) -> list[dict[str, str]]:
    """Two versions of the registered model `iris`."""
    with stack.url() as url, TemporaryDirectory() as folder:
        told = variables_from_notes(stack, Path(folder))
        address = told.get("MLFLOW_TRACKING_URI", "http://localhost:5000")
        told["MLFLOW_TRACKING_URI"] = address.replace(":5000", f":{urlsplit(url).port}")
        environment = {**os.environ, **told, "PYTHONWARNINGS": "ignore"}
        said = run([sys.executable, str(SCRIPT)], environment=environment, timeout=300)
    made: list[dict[str, str]] = json.loads(said.splitlines()[-1])
    return made
