"""MLflow's REST API as a person on this machine asks it, with or without a name and a password."""

import base64
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any


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
