"""Who may connect to whom under the stack's network policies, as Kubernetes defines their meaning.

That some network enforces them is not shown here: the development cluster's does not.
"""

from collections.abc import Mapping
from functools import cache

import pytest
from davit_resource import constants
from support.charts.network_policies import Peer, may_connect
from support.charts.rendering import Document, documents, render

EVERYTHING = ("auth.enabled=true", "tls.enabled=true", "garbageCollection.enabled=true")
CLIENTS = (*EVERYTHING, "networkPolicy.clients[0].namespaceSelector.matchLabels.team=a")
MLFLOW, POSTGRESQL, STORE = (
    "Deployment mlflow",
    "StatefulSet mlflow-postgresql",
    "StatefulSet mlflow-versitygw",
)
JOBS = (
    "Job mlflow-migrate",
    "Job mlflow-restore",
    "CronJob mlflow-backup",
    "CronJob mlflow-garbage-collection",
)

OTHERS = {
    "the operator": Peer("davit", {"app.kubernetes.io/name": "davit-operator"}, ports={"webhook": 8081}),
    "a serving pod": Peer("shop", {constants.MANAGED_BY_LABEL: constants.MANAGED_BY}),
    "a client": Peer("lab", {"app": "notebook"}, {"team": "a"}),
    "a stranger": Peer("shop", {"app": "wordpress"}, {"team": "b"}),
    "a stranger next door": Peer("team", {"app": "wordpress"}),
    "DNS": Peer("kube-system", {"k8s-app": "kube-dns"}),
    "the internet": Peer(),
}


def stack(*values: str) -> list[Document]:
    words = [word for value in ("networkPolicy.enabled=true", *values) for word in ("--set", value)]
    return documents(render("mlflow-stack", "mlflow", *words))


def pods(objects: list[Document]) -> dict[str, Peer]:
    """Every pod that the chart makes; Jobs without the end of their names, which changes."""
    found = {}
    for obj in objects:
        owner = obj["spec"]["jobTemplate"] if obj["kind"] == "CronJob" else obj
        template = obj if obj["kind"] == "Pod" else owner.get("spec", {}).get("template", {})
        if "containers" in template.get("spec", {}):
            name = obj["metadata"]["name"]
            name = "-".join(name.split("-")[:2]) if obj["kind"] == "Job" else name
            labels = template["metadata"]["labels"]
            found[f"{obj['kind']} {name}"] = Peer("team", labels, ports=named_ports(template["spec"]))
    return found


def named_ports(spec: Document) -> Mapping[str, int]:
    ports = [port for container in spec["containers"] for port in container.get("ports", [])]
    return {port["name"]: port["containerPort"] for port in ports}


@cache
def scene(*values: str) -> tuple[list[Document], dict[str, Peer]]:
    """The policies, and all who might connect."""
    objects = stack(*values)
    restoring = pods(stack(*values, "restore.from=latest"))
    policies = [obj for obj in objects if obj["kind"] == "NetworkPolicy"]
    return policies, {**restoring, **pods(objects), **OTHERS}


def allowed(source: str, target: str, port: int, *values: str) -> bool:
    policies, everybody = scene(*values)
    return may_connect(policies, everybody[source], everybody[target], port)


NEEDED = [
    *((job, target, port) for job in (*JOBS, MLFLOW) for target, port in ((POSTGRESQL, 5432), (STORE, 7070))),
    *((job, "DNS", 53) for job in (*JOBS, MLFLOW, "Pod mlflow-test")),
    *(
        (client, target, port)
        for client in ("the operator", "a serving pod", "a client", "Pod mlflow-test")
        for target, port in ((MLFLOW, 5000), (STORE, 7070))
    ),
    ("CronJob mlflow-garbage-collection", MLFLOW, 5000),
    (MLFLOW, "the operator", 8081),
]
REFUSED = [
    *((one, POSTGRESQL, 5432) for one in OTHERS),
    *(
        (stranger, target, port)
        for stranger in ("a stranger", "a stranger next door", "the internet")
        for target, port in ((MLFLOW, 5000), (STORE, 7070))
    ),
    *(
        (one, target, port)
        for one in (*JOBS, MLFLOW)
        for target, port in (("the internet", 443), ("a stranger", 8081), ("the operator", 8080))
    ),
]


@pytest.mark.parametrize(("source", "target", "port"), NEEDED)
def test_network_policies_allow_every_needed_connection(source: str, target: str, port: int):
    assert allowed(source, target, port, *CLIENTS)


@pytest.mark.parametrize(("source", "target", "port"), REFUSED)
def test_network_policies_deny_every_other_connection(source: str, target: str, port: int):
    assert not allowed(source, target, port, *CLIENTS)


def test_without_named_clients_mlflow_is_open_and_the_database_closed():
    assert allowed("a stranger", MLFLOW, 5000)
    assert allowed("a stranger", STORE, 7070)
    assert not allowed("a stranger", POSTGRESQL, 5432)


def test_without_webhooks_mlflow_cannot_connect_to_the_operator():
    assert not allowed(MLFLOW, "the operator", 8081, "webhooks.enabled=false")
