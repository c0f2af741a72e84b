"""The two inference protocols: how requests are built and answers parsed."""

import json
from dataclasses import dataclass
from typing import Any, Literal

from bench.models import Case


@dataclass(frozen=True, slots=True)
class Protocol:
    """How a server is called.

    Attributes:
        kind: MLflow's scoring protocol, or the Open Inference Protocol v2.
        path: Where requests go.
    """

    kind: Literal["mlflow", "v2"]
    path: str

    def body(self, case: Case) -> bytes:
        """Return the request body for a case."""
        document = _table(case) if self.kind == "mlflow" else _tensors(case)
        return json.dumps(document, separators=(",", ":")).encode()

    def answer(self, body: bytes) -> list[Any]:
        """Parse the predictions in a response, one per row.

        Raises:
            KeyError, TypeError, ValueError: It is not an answer of this protocol.
        """
        document = json.loads(body)
        found = document["predictions"] if self.kind == "mlflow" else document["outputs"][0]["data"]
        return list(found)


def _table(case: Case) -> dict[str, Any]:
    """Build the form of MLflow's protocol that clients use most."""
    return {"dataframe_split": {"columns": case.columns, "data": case.data}}


def _tensors(case: Case) -> dict[str, Any]:
    """Build one tensor per column."""
    values = zip(*case.data, strict=True)
    return {
        "inputs": [
            {"name": name, "shape": [len(case.data), 1], "datatype": "FP64", "data": column}
            for name, column in zip(case.columns, values, strict=True)
        ]
    }


INVOCATIONS = Protocol("mlflow", "/invocations")
V2 = Protocol("v2", "/v2/models/model/infer")
