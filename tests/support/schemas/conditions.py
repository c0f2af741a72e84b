"""The rules of conditions, checked on every status that any test produces."""

from collections.abc import Mapping
from typing import Any

ALWAYS = {"Available", "Ready", "ModelResolved"}
WHILE_TRUE = {"Reconciling", "Stalled"}


def check_status(resource: Mapping[str, Any], previous: Mapping[str, Any], status: Mapping[str, Any]) -> None:
    """Fails unless the status keeps every rule, given the one before it."""
    generation = resource["metadata"]["generation"]
    conditions = {one["type"]: one for one in status["conditions"]}
    assert len(conditions) == len(status["conditions"]), "two conditions of one type"
    assert set(conditions) >= ALWAYS, f"missing: {ALWAYS - set(conditions)}"
    unknown = set(conditions) - ALWAYS - WHILE_TRUE - {"EnvironmentReady"}
    assert not unknown, f"unknown: {unknown}"
    if status.get("model", {}).get("target"):
        assert "EnvironmentReady" in conditions, "missing: EnvironmentReady"
    assert not set(conditions) >= WHILE_TRUE, "Reconciling and Stalled at once"
    for one in conditions.values():
        check_condition(one, generation)
    for name in WHILE_TRUE & set(conditions):
        assert conditions[name]["status"] == "True", f"{name} is present and not True"
        assert conditions["Ready"]["status"] != "True", f"Ready and {name}"
    assert status["observedGeneration"] <= generation
    check_times(previous, conditions)
    check_ready(status, conditions)


def check_condition(one: Mapping[str, Any], generation: int) -> None:
    assert one["status"] in {"True", "False", "Unknown"}
    assert one["reason"][0].isupper(), f"{one['reason']} is no PascalCase word"
    assert one["reason"].isalnum(), f"{one['reason']} is no PascalCase word"
    assert one["message"].strip() == one["message"] != ""
    assert one["observedGeneration"] == generation


def check_times(previous: Mapping[str, Any], conditions: Mapping[str, Mapping[str, Any]]) -> None:
    before = {one["type"]: one for one in previous.get("conditions", [])}
    for name in set(before) & set(conditions):
        moved = before[name]["lastTransitionTime"] != conditions[name]["lastTransitionTime"]
        flipped = before[name]["status"] != conditions[name]["status"]
        assert flipped or not moved, f"the time of {name} moved without a flip"


def check_ready(status: Mapping[str, Any], conditions: Mapping[str, Mapping[str, Any]]) -> None:
    """Ready means that the target serves with all replicas; Available that something answers."""
    replicas = status.get("replicas", {})
    if conditions["Available"]["status"] == "True":
        assert replicas["ready"] > 0
    if conditions["Ready"]["status"] != "True":
        return
    assert replicas["ready"] >= replicas["desired"] == replicas["updated"]
    if replicas["desired"]:
        model = status["model"]
        assert model["serving"]["digest"] == model["target"]["digest"]
        assert model["serving"]["label"] == model["target"]["label"]
        assert conditions["Available"]["status"] == "True"
