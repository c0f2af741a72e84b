"""The CRD, and objects held against it as strictly as kubectl does."""

from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).parents[3]
CRD_PATH = ROOT / "manifests" / "crds" / "modeldeployments.davit.dev.yaml"


def load_crd() -> dict[str, Any]:
    crd: dict[str, Any] = yaml.safe_load(CRD_PATH.read_text())
    return crd


def load_schema() -> dict[str, Any]:
    schema: dict[str, Any] = load_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def strict(schema: Any) -> Any:
    """The same schema, refusing fields that it does not know."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {name: strict(value) for name, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        result.setdefault("additionalProperties", False)
    return result


def check_against_crd(obj: dict[str, Any]) -> None:
    """Fails where the object breaks the CRD's schema; CEL rules need a real API server."""
    _VALIDATOR.validate({**obj, "metadata": {}})


def _with_free_metadata() -> dict[str, Any]:
    schema: dict[str, Any] = strict(load_schema())
    schema["properties"]["metadata"] = {"type": "object"}
    return schema


_VALIDATOR = jsonschema.Draft202012Validator(_with_free_metadata())
