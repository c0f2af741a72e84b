"""Stack and operator in a namespace of their own, and MLflow as a person on this machine reaches it."""

import base64
import json
import os
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from support.live import Place

from devcluster.commands import run
from examples.demo.charts import Helm
from examples.demo.stage import stack_files

ROOT = Path(__file__).parents[2]
CRD = "modeldeployments.davit.dev"
CONNECTION = "mlflow-davit-connection"


@dataclass
class InstalledStack:
    """The releases `mlflow` and `davit` in one namespace."""

    place: Place
    helm: Helm
    images: list[str]
    values: dict[str, Any] = field(default_factory=dict)

    def install(self) -> None:
        """Install or upgrade the stack."""
        values = {"keepData": False, **self.values}
        files = stack_files(self.images)
        self.helm.install("mlflow", "mlflow-stack", self.place.namespace, values, files)

    def install_operator(self, **values: Any) -> None:
        """Install or upgrade the operator, for this namespace alone; it hardly ever polls."""
        everywhere = {
            "connection.secretName": CONNECTION,
            "watchNamespaces": [self.place.namespace],
            "crds.install": False,
            "resolveIntervalSeconds": 300,
        }
        self.helm.install("davit", "davit-operator", self.place.namespace, {**everywhere, **values})

    def test(self) -> None:
        """What `helm test` of the stack checks."""
        arguments = ["test", "mlflow", "--namespace", self.place.namespace, "--timeout", "5m"]
        run([self.helm.program, *arguments], environment=self.helm.environment, timeout=400)

    def uninstall(self) -> None:
        """Remove both."""
        for release in ("davit", "mlflow"):
            self.helm.uninstall(release, self.place.namespace)

    def secret(self, name: str) -> dict[str, str]:
        """The contents of a Secret."""
        data = self.place.get("secret", name).get("data", {})
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    @contextmanager
    def mlflow(self) -> Iterator["Mlflow"]:
        """MLflow, while the block runs."""
        connection = self.secret(CONNECTION)
        with self.place.kubectl.forward(self.place.namespace, "svc/mlflow", 5000) as url:
            scheme = connection["DAVIT_REGISTRY_URL"].partition(":")[0]
            yield Mlflow(
                url.replace("http", scheme, 1),
                connection.get("DAVIT_REGISTRY_USERNAME", ""),
                connection.get("DAVIT_REGISTRY_PASSWORD", ""),
                connection.get("DAVIT_CA_CERTIFICATES", ""),
            )

    def told_by_notes(self, folder: Path) -> dict[str, str]:
        """What a client on this machine knows after the commands that `helm get notes` prints, run in a folder."""
        arguments = ["get", "notes", "mlflow", "--namespace", self.place.namespace]
        notes = run([self.helm.program, *arguments], environment=self.helm.environment)
        lines = [line.strip() for line in notes.splitlines()]
        commands = [line for line in lines if line.startswith("export ") or " get secret " in line]
        script = "\n".join([*commands, "env -0"])
        said = run(["sh", "-euc", script], environment=self.place.kubectl.environment, directory=str(folder))
        variables = dict(entry.split("=", 1) for entry in said.split("\0") if entry)
        return {name: value for name, value in variables.items() if name.startswith("MLFLOW_")}

    def register_models(self) -> list[dict[str, str]]:
        """Two versions of the registered model `iris`, by a client that does what the notes say."""
        script = ROOT / "tests/support/two_irises.py"
        with self.mlflow() as server, TemporaryDirectory() as folder:
            told = self.told_by_notes(Path(folder))
            address = told.get("MLFLOW_TRACKING_URI", "http://localhost:5000")
            told["MLFLOW_TRACKING_URI"] = address.replace(":5000", f":{urlsplit(server.url).port}")
            said = run(
                [sys.executable, str(script)],
                environment={**os.environ, **told, "PYTHONWARNINGS": "ignore"},
                timeout=300,
            )
        made: list[dict[str, str]] = json.loads(said.splitlines()[-1])
        return made


@dataclass
class Mlflow:
    """An MLflow server; who we are to it, whom we trust, and the name by which we ask where that is not the URL's."""

    url: str
    username: str = ""
    password: str = ""
    authorities: str = ""
    host: str = ""

    def status(self, path: str, method: str = "GET") -> int:
        """The status of the answer to a request."""
        try:
            with self._open(path, method, None) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer of the REST API; `path` stands below /api/2.0/."""
        with self._open(f"/api/2.0/{path}", method, body) as answer:
            return json.load(answer)

    def move_alias(self, alias: str, version: str) -> None:
        """Point an alias of `iris` at a version."""
        self.call(
            "POST", "mlflow/registered-models/alias", {"name": "iris", "alias": alias, "version": version}
        )

    def webhooks(self) -> list[str]:
        """The names of the webhooks of operators."""
        found = self.call("GET", "mlflow/webhooks").get("webhooks", [])
        return [one["name"] for one in found if one["name"].startswith("davit-operator-")]

    def _open(self, path: str, method: str, body: Any) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        if self.host:
            request.add_header("Host", self.host)
        if self.username:
            proof = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            request.add_header("Authorization", f"Basic {proof}")
        trust = ssl.create_default_context(cadata=self.authorities) if self.authorities else None
        return urllib.request.urlopen(request, timeout=60, context=trust)
