"""A release of the stack chart in a story's own namespace, and MLflow's client before it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.live import Place

from examples.demo.charts import Helm
from examples.demo.training import CLIENT

RELEASE = "mlflow"
PROGRAM = Path(__file__).parent / "registry_use.py"

# Enough for one client; two cores carry several stacks.
SMALL = {"server.resources": {"requests": {"cpu": "20m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}}


@dataclass(frozen=True)
class OwnStack:
    """One release named `mlflow`."""

    place: Place
    helm: Helm
    images: Sequence[str]

    def install(self, **values: Any) -> None:
        """Install or upgrade, and wait until all is ready.

        Args:
            values: By their first name: `database={"kind": "sqlite"}`.
        """
        local = any(image.startswith("davit.dev/postgresql:") for image in self.images)
        files = ["values-local-images.yaml"] if local else []
        single = {f"{one}.{two}": value for one, more in values.items() for two, value in more.items()}
        self.helm.install(RELEASE, "mlflow-stack", self.place.namespace, {**SMALL, **single}, files)

    def image(self, name: str, official: str) -> str:
        """One of the images that the cluster was given, or the official one."""
        return next((image for image in self.images if image.startswith(f"davit.dev/{name}:")), official)

    def use(self, *what: str) -> dict[str, Any]:
        """What `registry_use.py` finds."""
        with self.place.kubectl.forward(self.place.namespace, f"svc/{RELEASE}", 5000) as url:
            done = subprocess.run(
                [sys.executable, PROGRAM, url, *what],
                env={**os.environ, **CLIENT, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"},
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
            )
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def serve(self, name: str) -> list[Any]:
        """Register a model, let an operator of the cluster serve it from here, and ask it."""
        self.use("model", name)
        registry = {"url": f"http://{RELEASE}.{self.place.namespace}.svc:5000"}
        self.place.deploy(name, f"models:/{name}/1", model={"uri": f"models:/{name}/1", "registry": registry})
        self.place.wait_ready(name)
        question = {"dataframe_split": {"columns": ["x"], "data": [[4.0], [2.0]]}}
        return self.place.ask(name, question).predictions
