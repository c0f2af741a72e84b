"""A cluster in memory: the `Cluster` port with server-side apply, and the controllers' part on request."""

import uuid
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from davit_operator.domain.errors import DavitError
from davit_operator.domain.kinds import POD, Kind
from davit_operator.domain.objects import Child, child_of
from davit_operator.domain.ports import Note
from davit_resource.constants import KIND, PIN_LABEL, REVISION_LABEL
from davit_resource.objects import Object, Ref, ref_of
from support.fakes.server_side_apply import apply
from support.schemas.conditions import check_status
from support.schemas.crd import check_against_crd

# What a real API server fills in; none of it is ours, and none of it may count as drift.
POD_DEFAULTS = {"dnsPolicy": "ClusterFirst", "restartPolicy": "Always", "schedulerName": "default-scheduler"}


class FakeCluster:
    """Keeps objects, counts writes, checks every status. `outage` is raised by everything while it is set."""

    def __init__(self) -> None:
        self.resources: dict[Ref, Object] = {}
        self.children: dict[tuple[str, Child], Object] = {}
        self.applied: dict[tuple[str, Child], Object] = {}
        self.pods: dict[str, list[Object]] = {}
        self.secrets: dict[tuple[str, str], dict[str, str]] = {}
        self.writes: list[str] = []
        self.notes: list[Note] = []
        self.outage: DavitError | None = None
        self.refuse_apply: DavitError | None = None

    # -- what a person does ---------------------------------------------------------------------------

    def create(self, name: str, spec: Object, namespace: str = "demo") -> Ref:
        """Like `kubectl apply` of a new or changed ModelDeployment."""
        ref = Ref(KIND, namespace, name)
        body = self.resources.get(ref) or {
            "apiVersion": "davit.dev/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"namespace": namespace, "name": name, "uid": str(uuid.uuid4()), "generation": 0},
        }
        body["spec"] = deepcopy(spec)
        body["metadata"]["generation"] += 1
        self.resources[ref] = body
        return ref

    def remove(self, ref: Ref) -> None:
        """Like `kubectl delete`: owner references take the children along."""
        uid = self.resources.pop(ref)["metadata"]["uid"]
        owned = [
            where
            for where, obj in self.children.items()
            if any(one["uid"] == uid for one in obj["metadata"].get("ownerReferences", []))
        ]
        for where in owned:
            del self.children[where]

    def child(self, kind: str, name: str, namespace: str = "demo") -> Object | None:
        return self.children.get((namespace, Child(kind, name)))

    # -- what the controllers and the kubelet do ------------------------------------------------------

    def roll_out(self, name: str, namespace: str = "demo") -> None:
        """All pods become new and ready."""
        deployment = self.children[namespace, Child("Deployment", name)]
        count = deployment["spec"]["replicas"]
        self.pods[namespace] = [self.make_pod(deployment, number, ready=True) for number in range(count)]
        self.count(
            deployment, replicas=count, updatedReplicas=count, readyReplicas=count, availableReplicas=count
        )

    def start_rolling(self, name: str, namespace: str = "demo", **pod_status: Any) -> Object:
        """One new pod beside the old ones, not ready, in the state that is given."""
        deployment = self.children[namespace, Child("Deployment", name)]
        old = [pod for pod in self.pods.get(namespace, []) if not self.is_new(pod, deployment)]
        new = self.make_pod(deployment, 99, ready=False)
        new["status"].update(pod_status)
        self.pods[namespace] = [*old, new]
        self.count(
            deployment,
            replicas=len(old) + 1,
            updatedReplicas=1,
            readyReplicas=len(old),
            availableReplicas=len(old),
        )
        return new

    @staticmethod
    def is_new(pod: Object, deployment: Object) -> bool:
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        return bool(pod["metadata"]["labels"][REVISION_LABEL] == labels[REVISION_LABEL])

    @staticmethod
    def make_pod(deployment: Object, number: int, *, ready: bool) -> Object:
        template = deployment["spec"]["template"]
        labels = template["metadata"]["labels"]
        name = f"{deployment['metadata']['name']}-{labels[PIN_LABEL]}-{number}"
        condition = {"type": "Ready", "status": "True" if ready else "False"}
        return {
            "metadata": {"name": name, "labels": dict(labels)},
            "status": {"phase": "Running", "conditions": [condition]},
        }

    @staticmethod
    def count(deployment: Object, **counts: int) -> None:
        deployment["status"] = {
            "observedGeneration": deployment["metadata"]["generation"],
            **{name: value for name, value in counts.items() if value},
        }

    # -- the port -------------------------------------------------------------------------------------

    async def list_resources(self, kind: Kind) -> Sequence[Object]:
        self._answer()
        return deepcopy([body for ref, body in self.resources.items() if ref.kind == kind.name])

    async def get_resource(self, ref: Ref) -> Object | None:
        self._answer()
        return deepcopy(self.resources.get(ref))

    async def get_child(self, namespace: str, child: Child) -> Object | None:
        self._answer()
        return deepcopy(self.children.get((namespace, child)))

    async def list_children(self, namespace: str, kind: Kind, selector: dict[str, str]) -> Sequence[Object]:
        self._answer()
        found = self.pods.get(namespace, []) if kind is POD else self._of_kind(namespace, kind)
        return [
            deepcopy(obj) for obj in found if selector.items() <= obj["metadata"].get("labels", {}).items()
        ]

    async def apply(self, obj: Object) -> Object:
        self._answer()
        if self.refuse_apply:
            raise self.refuse_apply
        where = (obj["metadata"]["namespace"], child_of(obj))
        self.writes.append(f"apply {child_of(obj)}")
        live = self.children.get(where) or self._new(obj)
        after = apply(live, self.applied.get(where), obj)
        if obj["kind"] == "Deployment":
            after["spec"]["template"]["spec"] = {**POD_DEFAULTS, **after["spec"]["template"]["spec"]}
        if after.get("spec") != live.get("spec"):
            after["metadata"]["generation"] = live["metadata"]["generation"] + 1
        self.children[where], self.applied[where] = after, deepcopy(obj)
        return deepcopy(after)

    async def delete_child(self, obj: Object) -> None:
        self._answer()
        self.writes.append(f"delete {child_of(obj)}")
        where = (obj["metadata"]["namespace"], child_of(obj))
        if where in self.children and self.children[where]["metadata"]["uid"] == obj["metadata"]["uid"]:
            del self.children[where]

    async def write_status(self, resource: Object, status: Object) -> None:
        self._answer()
        self.writes.append("status")
        body = self.resources.get(ref_of(resource))
        if body is None or body["metadata"]["uid"] != resource["metadata"]["uid"]:
            return
        check_status(resource, body.get("status", {}), status)
        body["status"] = deepcopy(status)
        if body["kind"] == KIND:
            check_against_crd({**body, "spec": {"model": {"uri": "models:/any/1"}}})

    async def read_secret(self, namespace: str, name: str) -> dict[str, str] | None:
        self._answer()
        return self.secrets.get((namespace, name))

    async def post_event(self, resource: Object, note: Note) -> None:
        self.writes.append("event")
        self.notes.append(note)

    def _of_kind(self, namespace: str, kind: Kind) -> list[Object]:
        return [
            obj
            for (where, child), obj in self.children.items()
            if (where, child.kind) == (namespace, kind.name)
        ]

    @staticmethod
    def _new(obj: Object) -> Object:
        metadata = {"namespace": obj["metadata"]["namespace"], "name": obj["metadata"]["name"]}
        return {"kind": obj["kind"], "metadata": {**metadata, "uid": str(uuid.uuid4()), "generation": 0}}

    def _answer(self) -> None:
        if self.outage:
            raise self.outage
