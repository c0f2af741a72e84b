"""The `Cluster` port over the Kubernetes API: server-side apply with one field manager.

What it may do stands in `permissions.py`.
"""

import base64
import logging
from collections.abc import Sequence

from davit_resource import constants
from davit_resource.objects import Object, Ref, ref_of

from davit_operator.adapters.event_budget import EventBudget
from davit_operator.adapters.kubernetes_api import APPLY_PATCH, JSON_PATCH, KubernetesApi
from davit_operator.domain.errors import DavitError, InvalidSpec, Waiting
from davit_operator.domain.kinds import CustomKind, Kind
from davit_operator.domain.objects import Child, child_of
from davit_operator.domain.ports import Clock, Note
from davit_operator.workload.naming import selector_text

logger = logging.getLogger(__name__)

_PAGE = "500"
_MANAGER = {"fieldManager": constants.FIELD_MANAGER}


class KubernetesCluster:
    """Reads and writes what the operator is responsible for.

    Args:
        api: The Kubernetes API.
        namespaces: Where ModelDeployments are listed; everywhere when empty.
        clock: Time, for Events.
        kinds: The resources and their children.
    """

    def __init__(
        self, api: KubernetesApi, namespaces: Sequence[str], clock: Clock, kinds: Sequence[CustomKind]
    ) -> None:
        self._api = api
        self._namespaces = namespaces
        self._clock = clock
        self._kinds = {kind.name: kind for one in kinds for kind in (one.kind, *one.children)}
        self._budget = EventBudget(clock)

    async def list_resources(self, kind: Kind) -> Sequence[Object]:
        """All resources of a kind of ours that the operator watches."""
        paths = [_collection(kind, namespace) for namespace in self._namespaces or ("",)]
        return [body for path in paths for body in await self._list(path)]

    async def get_resource(self, ref: Ref) -> Object | None:
        """One resource of ours, or None when it is gone."""
        return await self._api.request("GET", self._path_of(ref))

    async def get_child(self, namespace: str, child: Child) -> Object | None:
        """One child, or None."""
        return await self._api.request("GET", self._child_path(namespace, child))

    async def list_children(self, namespace: str, kind: Kind, selector: dict[str, str]) -> Sequence[Object]:
        """Children of one kind by their labels. Items of a list do not say of which kind they are."""
        items = await self._list(_collection(kind, namespace), {"labelSelector": selector_text(selector)})
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items]

    async def apply(self, obj: Object) -> Object:
        """Server-side apply; the object as it is afterwards."""
        path = self._child_path(obj["metadata"]["namespace"], child_of(obj))
        query = {**_MANAGER, "force": "true"}
        applied = await self._api.request("PATCH", path, query=query, body=obj, content_type=APPLY_PATCH)
        if applied is None:
            namespace = obj["metadata"]["namespace"]
            raise InvalidSpec("NamespaceMissing", f"namespace {namespace} does not exist any more")
        return applied

    async def delete_child(self, obj: Object) -> None:
        """Deletes exactly this object, not a later one of the same name; harmless when it is gone."""
        metadata = obj["metadata"]
        path = self._child_path(metadata["namespace"], child_of(obj))
        await self._api.request("DELETE", path, body={"preconditions": {"uid": metadata["uid"]}})

    async def write_status(self, resource: Object, status: Object) -> None:
        """Replaces a resource's status as a whole; harmless when the resource is gone.

        The uid is tested, so that a status never lands on a later resource of the same name.
        """
        metadata = resource["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": metadata["uid"]},
            {"op": "add", "path": "/status", "value": status},
        ]
        path = f"{self._path_of(ref_of(resource))}/status"
        try:
            await self._api.request("PATCH", path, query=_MANAGER, body=patch, content_type=JSON_PATCH)
        except InvalidSpec as error:
            raise Waiting("Conflict", f"the status could not be written: {error}") from error

    async def read_secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """The decoded contents of a Secret, or None when there is none."""
        secret = await self._api.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        if secret is None:
            return None
        data: dict[str, str] = secret.get("data") or {}
        return {key: base64.b64decode(value).decode(errors="replace").strip() for key, value in data.items()}

    async def post_event(self, resource: Object, note: Note) -> None:
        """Posts an Event about a resource. One that cannot be posted is logged and forgotten."""
        metadata = resource["metadata"]
        if not self._budget.allows(metadata["uid"]):
            logger.info("Event about %s left out, too many lately: %s", metadata["name"], note.reason)
            return
        try:
            event = _build_event(resource, note, self._clock)
            await self._api.request("POST", f"/api/v1/namespaces/{metadata['namespace']}/events", body=event)
        except DavitError as error:
            logger.warning("Event about %s could not be posted: %s", metadata["name"], error)

    def _child_path(self, namespace: str, child: Child) -> str:
        return self._path_of(Ref(child.kind, namespace, child.name))

    def _path_of(self, ref: Ref) -> str:
        return f"{_collection(self._kinds[ref.kind], ref.namespace)}/{ref.name}"

    async def _list(self, path: str, query: dict[str, str] | None = None) -> Sequence[Object]:
        items: list[Object] = []
        page = {**(query or {}), "limit": _PAGE}
        while True:
            answer = await self._api.request("GET", path, query=page) or {}
            items += answer.get("items") or []
            following = (answer.get("metadata") or {}).get("continue")
            if not following:
                return items
            page["continue"] = following


def _collection(kind: Kind, namespace: str) -> str:
    """The path of all objects of a kind, in one namespace or, when empty, everywhere."""
    prefix = "/apis" if kind.group else "/api"
    where = f"/namespaces/{namespace}" if namespace else ""
    return f"{prefix}/{kind.api_version}{where}/{kind.plural}"


def _build_event(resource: Object, note: Note, clock: Clock) -> Object:
    metadata = resource["metadata"]
    now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{metadata['name'][:200]}.", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": resource["apiVersion"],
            "kind": resource["kind"],
            "namespace": metadata["namespace"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "resourceVersion": metadata.get("resourceVersion", ""),
        },
        "type": note.type,
        "reason": note.reason,
        "message": note.message[:1024],
        "source": {"component": constants.FIELD_MANAGER},
        "reportingComponent": constants.FIELD_MANAGER,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
