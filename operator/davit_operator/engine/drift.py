"""Drift detection: whether a live object still has every field that the operator applied."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

from davit_resource.objects import Object

MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "env": ("name",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "ports": ("containerPort", "port", "protocol"),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
"""Lists that the API server merges by these keys; in every other list order and length count."""

_QUANTITIES = {"requests", "limits"}
_DECIMAL_SUFFIXES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIXES = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def find_drift(wanted: Object, live: Object) -> str | None:
    """Return the path of the first applied field that is missing or different; None without drift.

    Fields that other writers added to the live object are ignored.
    """
    return next(_differences(wanted, live, ()), None)


def _differences(wanted: Any, live: Any, path: tuple[str, ...]) -> Iterator[str]:
    if live is None and wanted in ({}, [], None):
        return
    if isinstance(wanted, dict) and isinstance(live, dict):
        for name, value in wanted.items():
            yield from _differences(value, live.get(name), (*path, name))
    elif isinstance(wanted, list) and isinstance(live, list):
        yield from _list_differences(wanted, live, path)
    elif wanted != live and not (_QUANTITIES & set(path) and _same_quantity(wanted, live)):
        yield ".".join(path)


def _list_differences(wanted: list[Any], live: list[Any], path: tuple[str, ...]) -> Iterator[str]:
    keys = MERGE_KEYS.get(path[-1])
    if keys is None:
        if len(wanted) != len(live):
            yield ".".join(path)
        found = live
    else:
        present = {_merge_key(item, keys): item for item in live}
        found = [present.get(_merge_key(item, keys)) for item in wanted]
    for item, live_item in zip(wanted, found, strict=False):
        yield from _differences(item, live_item, (*path, _step(item, keys)))


def _merge_key(item: Object, keys: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(item.get(key) for key in keys)


def _step(item: Any, keys: tuple[str, ...] | None) -> str:
    return "/".join(str(item[key]) for key in keys if key in item) if keys else "[]"


def _same_quantity(one: Any, other: Any) -> bool:
    try:
        return parse_quantity(str(one)) == parse_quantity(str(other))
    except InvalidOperation:
        return False


def parse_quantity(text: str) -> Decimal:
    """Return the value of a Kubernetes quantity such as `500m`, `1.5Gi` or `2e3`.

    Raises:
        InvalidOperation: The text is not a quantity.
    """
    if text[-2:] in _BINARY_SUFFIXES:
        return Decimal(text[:-2]) * Decimal(2) ** _BINARY_SUFFIXES[text[-2:]]
    if text[-1:] in _DECIMAL_SUFFIXES:
        return Decimal(text[:-1]).scaleb(_DECIMAL_SUFFIXES[text[-1:]])
    return Decimal(text)
