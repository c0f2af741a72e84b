"""The permissions are exactly what the code asks of the API server."""

import re

import httpx
from davit_operator.adapters.cluster_kubernetes import KubernetesCluster
from davit_operator.adapters.kubernetes_api import KubernetesApi
from davit_operator.adapters.permissions import list_permissions
from davit_operator.domain.kinds import POD
from davit_operator.domain.objects import Child
from davit_operator.domain.ports import Note
from davit_operator.handlers.watches import build_settings
from davit_operator.modeldeployment.parts import describe_kind
from davit_resource.objects import Ref
from support.fakes.kubernetes_client import OfflineClient
from support.fakes.ports import FakeClock

PATH = re.compile(
    r"/(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/[^/]+)?/(?P<resource>[^/]+)"
    r"(?:/(?P<name>[^/]+))?(?:/(?P<sub>[^/]+))?$"
)
# What kopf needs to notice CRDs and namespaces that come and go (its documentation, "RBAC").
KIND = describe_kind()
KOPF = {("apiextensions.k8s.io", "customresourcedefinitions"), ("", "namespaces")}


class Recorder:
    """An API server that says yes to everything and writes down what it was asked."""

    def __init__(self):
        self.asked: set[tuple[str, str, str]] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        found = PATH.match(request.url.path)
        resource = found["resource"] + (f"/{found['sub']}" if found["sub"] else "")
        for verb in self.verbs(request, named=bool(found["name"])):
            self.asked.add((found["group"] or "", resource, verb))
        return httpx.Response(200, json={"items": [], "data": {}})

    @staticmethod
    def verbs(request: httpx.Request, *, named: bool) -> list[str]:
        if request.method == "PATCH" and "apply-patch" in request.headers["Content-Type"]:
            return ["patch", "create"]  # applying what is not there creates it
        return {
            "GET": ["get" if named else "list"],
            "POST": ["create"],
            "PATCH": ["patch"],
            "DELETE": ["delete"],
        }[request.method]


async def asked_by_the_adapter() -> set[tuple[str, str, str]]:
    recorder = Recorder()
    cluster = KubernetesCluster(KubernetesApi(OfflineClient(recorder)), (), FakeClock(), [KIND])
    resource = {
        "apiVersion": KIND.kind.api_version,
        "kind": KIND.name,
        "metadata": {"namespace": "demo", "name": "iris", "uid": "u"},
    }
    await cluster.list_resources(KIND.kind)
    await cluster.get_resource(Ref(KIND.name, "demo", "iris"))
    for kind in (child for child in KIND.children if child.is_applied):
        await cluster.get_child("demo", Child(kind.name, "iris"))
        await cluster.apply({**resource, "kind": kind.name})
        await cluster.delete_child({**resource, "kind": kind.name})
        await cluster.list_children("demo", kind, {"a": "b"})
    await cluster.list_children("demo", POD, {"a": "b"})
    await cluster.write_status(resource, {})
    await cluster.read_secret("demo", "store")
    await cluster.post_event(resource, Note("Normal", "Resolved", "it is"))
    return recorder.asked


def asked_by_the_watches() -> set[tuple[str, str, str]]:
    watched = {(kind.group, kind.plural) for kind in (KIND.kind, *KIND.children)}
    return {(group, plural, verb) for group, plural in watched | KOPF for verb in ("list", "watch")}


async def test_the_permissions_are_exactly_those_of_the_requests():
    listed = {(one.group, one.resource, verb) for one in list_permissions([KIND]) for verb in one.verbs}
    assert listed == await asked_by_the_adapter() | asked_by_the_watches()


def test_cluster_scoped_permissions_are_not_used_with_named_namespaces():
    assert {(one.group, one.resource) for one in list_permissions([KIND]) if one.cluster_scoped} == KOPF
    assert build_settings([KIND], ("demo",)).scanning.disabled


def test_verbs_are_in_order_so_that_roles_can_be_compared():
    for one in list_permissions([KIND]):
        assert list(one.verbs) == sorted(one.verbs)
