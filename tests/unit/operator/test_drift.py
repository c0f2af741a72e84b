"""Drift: what we asked for must be there; what others added is theirs."""

from decimal import Decimal

import pytest
from davit_operator.engine.drift import find_drift, parse_quantity


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}),
        ({"emptyDir": {}}, {"emptyDir": {}}),
        ({"annotations": {}}, {}),
        (
            {"containers": [{"name": "serve"}]},
            {"containers": [{"name": "proxy"}, {"name": "serve", "tty": True}]},
        ),
        ({"resources": {"requests": {"cpu": "1000m"}}}, {"resources": {"requests": {"cpu": "1"}}}),
        ({"resources": {"limits": {"memory": "1024Mi"}}}, {"resources": {"limits": {"memory": "1Gi"}}}),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "a", "effect": "NoExecute"}]}),
    ],
    ids=str,
)
def test_fields_added_by_others_are_no_drift(wanted, live):
    assert find_drift(wanted, live) is None


@pytest.mark.parametrize(
    ("wanted", "live", "field"),
    [
        ({"a": 1}, {"a": 2}, "a"),
        ({"a": {"b": 1}}, {}, "a"),
        ({"replicas": 0}, {"replicas": 3}, "replicas"),
        ({"automount": False}, {}, "automount"),
        ({"containers": [{"name": "serve", "image": "a"}]}, {"containers": [{"name": "serve", "image": "b"}]},
         "containers.serve.image"),
        ({"containers": [{"name": "serve"}]}, {"containers": [{"name": "proxy"}]}, "containers.serve"),
        ({"tolerations": [{"key": "a"}]}, {"tolerations": [{"key": "a"}, {"key": "b"}]}, "tolerations"),
        ({"command": ["davit", "serve"]}, {"command": ["davit", "fetch"]}, "command.[]"),
        ({"resources": {"requests": {"cpu": "1"}}}, {"resources": {"requests": {"cpu": "2"}}},
         "resources.requests.cpu"),
        ({"env": [{"name": "A", "value": "1000m"}]}, {"env": [{"name": "A", "value": "1"}]}, "env.A.value"),
    ],
    ids=str,
)  # fmt: skip
def test_missing_and_different_fields_are_named(wanted, live, field):
    assert find_drift(wanted, live) == field


@pytest.mark.parametrize(
    ("text", "number"),
    [("1", "1"), ("500m", "0.5"), ("1.5Gi", "1610612736"), ("2e3", "2000"), ("3k", "3000"), ("100n", "1E-7")],
)
def test_quantities_are_parsed_as_by_kubernetes(text, number):
    assert parse_quantity(text) == Decimal(number)
