"""A ModelDeployment seen from outside: its status as text, and its answers over HTTP."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from examples.demo.kubectl import Kubectl, Object


@dataclass(frozen=True)
class Answer:
    """An HTTP response: status, header fields by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def predictions(self) -> list[Any]:
        """The predictions of a good answer."""
        found: list[Any] = json.loads(self.body)["predictions"]
        return found

    @property
    def version(self) -> str:
        """The model version that answered."""
        return self.headers.get("x-davit-model-version", "")


def send(url: str, document: Object | None = None, path: str = "/invocations") -> Answer:
    """POST a request body to a model, or GET a path when there is none. Do not raise for a status."""
    body = json.dumps(document).encode() if document is not None else None
    request = urllib.request.Request(url + path, body, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
            return _read(response)
    except urllib.error.HTTPError as refusal:
        return _read(refusal)


def _read(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, headers, response.read().decode())


def send_to_service(kubectl: Kubectl, namespace: str, name: str, document: Object) -> Answer:
    """Send a request through the Service of a ModelDeployment."""
    with kubectl.forward(namespace, f"svc/{name}", 80) as url:
        return send(url, document)


def condition(deployment: Object, kind: str) -> Object:
    """Return one condition of a ModelDeployment; empty when there is none of that type."""
    conditions = deployment.get("status", {}).get("conditions", [])
    return next((found for found in conditions if found["type"] == kind), {})


def serving_version(deployment: Object) -> str:
    """Return the model version that answers now; empty when none does."""
    serving = deployment.get("status", {}).get("model", {}).get("serving") or {}
    return str(serving.get("version", ""))


def condition_text(deployment: Object, kind: str = "Ready") -> str:
    """Format one condition as a sentence for output or an error message."""
    found = condition(deployment, kind)
    return f"{kind}={found.get('status', 'missing')} {found.get('reason', '')}: {found.get('message', '')}"
