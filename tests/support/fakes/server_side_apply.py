"""Server-side apply as far as one manager needs it: what it leaves out next time is removed, the rest stays.

The keys of lists are the operator's own table; tests/charts/test_merge_keys.py holds it against Kubernetes' schemas.
"""

from copy import deepcopy
from typing import Any

from davit_operator.engine.drift import MERGE_KEYS


def apply(live: Any, before: Any, wanted: Any, field: str = "") -> Any:
    """The live tree after applying `wanted`, when `before` was applied last."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        before = before if isinstance(before, dict) else {}
        kept = {name: value for name, value in live.items() if name not in before or name in wanted}
        merged = {name: apply(kept.get(name), before.get(name), wanted[name], name) for name in wanted}
        return {**kept, **merged}
    if isinstance(wanted, list) and isinstance(live, list) and field in MERGE_KEYS:
        return _apply_list(live, before if isinstance(before, list) else [], wanted, MERGE_KEYS[field])
    return deepcopy(wanted)


def _apply_list(live: list[Any], before: list[Any], wanted: list[Any], keys: tuple[str, ...]) -> list[Any]:
    def index(items: list[Any]) -> dict[tuple[Any, ...], Any]:
        return {tuple(item.get(key) for key in keys): item for item in items}

    old, ours, new = index(live), index(before), index(wanted)
    merged = [apply(old.get(key), ours.get(key), item) for key, item in new.items()]
    return merged + [item for key, item in old.items() if key not in new and key not in ours]
