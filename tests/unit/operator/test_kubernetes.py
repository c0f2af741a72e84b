"""The adapter to the Kubernetes API: what it sends, and what its answers mean."""

import base64
import json

import httpx
import pytest
from davit_operator.adapters.cluster_kubernetes import KubernetesCluster
from davit_operator.adapters.event_budget import EventBudget
from davit_operator.adapters.kubernetes_api import KubernetesApi
from davit_operator.domain.errors import Denied, InvalidSpec, Unavailable, Waiting
from davit_operator.domain.kinds import POD
from davit_operator.domain.objects import Child
from davit_operator.domain.ports import Note
from davit_operator.modeldeployment.parts import PARTS, describe_kind
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from support.fakes.kubernetes_client import OfflineClient
from support.fakes.ports import FakeClock

RESOURCE = {
    "apiVersion": "davit.dev/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"namespace": "demo", "name": "iris", "uid": "u-1", "resourceVersion": "7"},
}
SERVICE = {"kind": "Service", "metadata": {"namespace": "demo", "name": "iris", "uid": "s-1"}}


class ApiServer:
    """Answers in order, the last one for ever, and keeps what it was sent."""

    def __init__(self, *answers):
        self.answers = list(answers) or [httpx.Response(200, json={})]
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @property
    def request(self) -> httpx.Request:
        return self.requests[-1]

    @property
    def body(self):
        return json.loads(self.request.content)


def cluster(server, namespaces=()):
    return KubernetesCluster(KubernetesApi(OfflineClient(server)), namespaces, FakeClock(), [describe_kind()])


def failure(code, message="because", **details):
    return httpx.Response(code, json={"kind": "Status", "message": message, "details": details})


async def test_objects_are_applied_by_one_field_manager_and_by_force():
    server = ApiServer()
    await cluster(server).apply(SERVICE)
    assert server.request.method == "PATCH"
    assert server.request.url.path == "/api/v1/namespaces/demo/services/iris"
    assert dict(server.request.url.params) == {"fieldManager": "davit-operator", "force": "true"}
    assert server.request.headers["Content-Type"] == "application/apply-patch+yaml"
    assert server.body == SERVICE


async def test_a_status_is_replaced_whole_and_only_on_the_same_resource():
    server = ApiServer()
    await cluster(server).write_status(RESOURCE, {"observedGeneration": 2})
    assert server.request.url.path == "/apis/davit.dev/v1alpha1/namespaces/demo/modeldeployments/iris/status"
    assert server.body == [
        {"op": "test", "path": "/metadata/uid", "value": "u-1"},
        {"op": "add", "path": "/status", "value": {"observedGeneration": 2}},
    ]


async def test_a_status_for_a_resource_that_is_gone_is_harmless():
    await cluster(ApiServer(failure(404))).write_status(RESOURCE, {})


async def test_a_status_for_a_later_resource_of_the_name_is_a_conflict():
    with pytest.raises(Waiting):
        await cluster(ApiServer(failure(422, "the test operation failed"))).write_status(RESOURCE, {})


async def test_a_delete_has_the_uid_as_a_precondition():
    server = ApiServer()
    await cluster(server).delete_child(SERVICE)
    assert server.request.method == "DELETE"
    assert server.body == {"preconditions": {"uid": "s-1"}}


async def test_a_missing_object_is_none():
    assert await cluster(ApiServer(failure(404))).get_resource(Ref(KIND, "demo", "iris")) is None
    assert await cluster(ApiServer(failure(404))).get_child("demo", Child("Deployment", "iris")) is None
    assert await cluster(ApiServer(failure(404))).read_secret("demo", "store") is None


async def test_secrets_are_decoded_and_stray_line_ends_dropped():
    data = {"username": base64.b64encode(b"me\n").decode()}
    answer = httpx.Response(200, json={"data": data})
    assert await cluster(ApiServer(answer)).read_secret("demo", "login") == {"username": "me"}


async def test_long_lists_are_read_page_by_page():
    server = ApiServer(
        httpx.Response(200, json={"items": [{"n": 1}], "metadata": {"continue": "more"}}),
        httpx.Response(200, json={"items": [{"n": 2}], "metadata": {}}),
    )
    assert await cluster(server).list_resources(describe_kind().kind) == [{"n": 1}, {"n": 2}]
    assert server.request.url.params["continue"] == "more"


async def test_named_namespaces_are_listed_one_by_one():
    server = ApiServer(httpx.Response(200, json={"items": []}))
    await cluster(server, ("a", "b")).list_resources(describe_kind().kind)
    assert [request.url.path.split("/")[5] for request in server.requests] == ["a", "b"]


async def test_pods_are_listed_by_label_selector():
    server = ApiServer(httpx.Response(200, json={"items": []}))
    await cluster(server).list_children("demo", POD, {"b": "2", "a": "1"})
    assert server.request.url.path == "/api/v1/namespaces/demo/pods"
    assert server.request.url.params["labelSelector"] == "a=1,b=2"


async def test_listed_items_get_the_kind_that_lists_omit():
    server = ApiServer(
        httpx.Response(200, json={"kind": "DeploymentList", "items": [{"metadata": {"name": "iris"}}]})
    )
    deployments = next(part.kind for part in PARTS if part.kind.name == "Deployment")
    assert await cluster(server).list_children("demo", deployments, {"a": "1"}) == [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "iris"}}
    ]
    assert server.request.url.path == "/apis/apps/v1/namespaces/demo/deployments"


@pytest.mark.parametrize(
    ("answer", "kind", "reason"),
    [
        (failure(401), Denied, "Forbidden"),
        (failure(403, "no such permission"), Denied, "Forbidden"),
        (failure(403, causes=[{"reason": "NamespaceTerminating"}]), Waiting, "NamespaceTerminating"),
        (failure(409), Waiting, "Conflict"),
        (failure(422, "spec.limits is wrong"), InvalidSpec, "RefusedByKubernetes"),
        (failure(429), Unavailable, "KubernetesUnavailable"),
        (failure(500), Unavailable, "KubernetesUnavailable"),
        (httpx.Response(200, text="<html>"), Unavailable, "KubernetesUnavailable"),
        (httpx.ConnectError("refused"), Unavailable, "KubernetesUnavailable"),
        (httpx.ReadTimeout("late"), Unavailable, "KubernetesUnavailable"),
    ],
    ids=str,
)
async def test_api_errors_map_to_error_classes(answer, kind, reason):
    with pytest.raises(kind) as failed:
        await cluster(ApiServer(answer)).apply(SERVICE)
    assert failed.value.reason == reason


async def test_an_error_quotes_only_the_message_of_kubernetes():
    with pytest.raises(InvalidSpec, match=r"spec\.limits is wrong"):
        await cluster(ApiServer(failure(422, "spec.limits is wrong"))).apply(SERVICE)
    with pytest.raises(InvalidSpec) as refused:
        await cluster(ApiServer(httpx.Response(400, text="a proxy's page"))).apply(SERVICE)
    assert "proxy" not in refused.value.message


async def test_applying_into_a_missing_namespace_names_it():
    with pytest.raises(InvalidSpec, match="namespace demo does not exist"):
        await cluster(ApiServer(failure(404))).apply(SERVICE)


async def test_events_name_their_resource():
    server = ApiServer()
    await cluster(server).post_event(RESOURCE, Note("Normal", "Resolved", "it is iris/3"))
    assert server.request.url.path == "/api/v1/namespaces/demo/events"
    assert server.body["involvedObject"]["uid"] == "u-1"
    assert (server.body["type"], server.body["reason"]) == ("Normal", "Resolved")
    assert server.body["firstTimestamp"] == "2026-11-21T08:00:00Z"


async def test_a_failed_event_is_harmless():
    await cluster(ApiServer(failure(500))).post_event(RESOURCE, Note("Normal", "Resolved", "it is"))


async def test_a_flapping_alias_does_not_flood_the_cluster_with_events():
    server = ApiServer()
    adapter = cluster(server)
    for _ in range(30):
        await adapter.post_event(RESOURCE, Note("Normal", "Resolved", "it is"))
    assert len(server.requests) == 10


def test_each_object_has_an_event_budget_that_refills():
    clock = FakeClock()
    budget = EventBudget(clock)
    assert [budget.allows("a") for _ in range(11)] == [True] * 10 + [False]
    assert budget.allows("b")
    clock.advance(601)
    assert budget.allows("a")


QUOTA = (
    'services "iris" is forbidden: exceeded quota: team, requested: services.loadbalancers=1, '
    "used: services.loadbalancers=2, limited: services.loadbalancers=2"
)
UNSAID = 'deployments.apps "iris" is forbidden: failed quota: team: must specify limits.cpu'
WEBHOOK = 'admission webhook "validation.gatekeeper.sh" denied the request: [owner] label owner is missing'
SILENT_WEBHOOK = 'admission webhook "policy.example.com" denied the request without explanation'
POLICY = (
    "deployments.apps \"iris\" is forbidden: ValidatingAdmissionPolicy 'few.example.com' with binding "
    "'few' denied request: failed expression: object.spec.replicas <= 5"
)
MUTATING_POLICY = "services \"iris\" is forbidden: policy 'sidecar' with binding 'all' denied request: no"
ROLE = (
    'services "iris" is forbidden: User "system:serviceaccount:davit:davit-operator" cannot patch resource '
    '"services" in API group "" in the namespace "demo"'
)


@pytest.mark.parametrize(
    ("status", "said", "reason"),
    [
        (403, QUOTA, "QuotaExceeded"),
        (403, UNSAID, "QuotaExceeded"),
        (403, WEBHOOK, "AdmissionDenied"),
        (400, WEBHOOK, "AdmissionDenied"),
        (409, WEBHOOK, "AdmissionDenied"),
        (422, WEBHOOK, "AdmissionDenied"),
        (401, WEBHOOK, "AdmissionDenied"),
        (429, WEBHOOK, "AdmissionDenied"),
        (404, WEBHOOK, "AdmissionDenied"),
        (403, SILENT_WEBHOOK, "AdmissionDenied"),
        (403, MUTATING_POLICY, "AdmissionDenied"),
        (403, POLICY, "AdmissionDenied"),
        (422, POLICY, "AdmissionDenied"),
        (403, f"{WEBHOOK}: exceeded quota: of the policy's own", "AdmissionDenied"),
    ],
)
async def test_a_denial_by_quota_or_policy_is_an_invalid_spec_with_its_message(status, said, reason):
    with pytest.raises(InvalidSpec) as raised:
        await cluster(ApiServer(failure(status, said))).apply(SERVICE)
    assert raised.value.reason == reason
    assert said in raised.value.message


async def test_a_missing_permission_is_denied():
    with pytest.raises(Denied, match="check the operator's role") as raised:
        await cluster(ApiServer(failure(403, ROLE))).apply(SERVICE)
    assert raised.value.reason == "Forbidden"


async def test_an_unreachable_admission_webhook_is_an_outage():
    said = 'Internal error occurred: failed calling webhook "x.example.com": connection refused'
    with pytest.raises(Unavailable, match=r"failed calling webhook \"x\.example\.com\""):
        await cluster(ApiServer(failure(500, said))).apply(SERVICE)
