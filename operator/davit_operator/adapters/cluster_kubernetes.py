"""The `Cluster` port over the Kubernetes API: server-side apply with one field manager.

`permissions.py` lists the permissions that it needs.
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
    """Reads and writes the resources and their children.

    Args:
        api: The Kubernetes API.
        namespaces: Namespaces in which ModelDeployments are listed; all when empty.
        clock: Current time, for Events.
        kinds: The custom kinds with their children.
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
        """List all resources of a custom kind in the watched namespaces."""
        paths = [_collection(kind, namespace) for namespace in self._namespaces or ("",)]
        return [body for path in paths for body in await self._list(path)]

    async def get_resource(self, ref: Ref) -> Object | None:
        """Read a custom resource; None when it does not exist."""
        return await self._api.request("GET", self._path_of(ref))

    async def get_child(self, namespace: str, child: Child) -> Object | None:
        """Read a child; None when it does not exist."""
        return await self._api.request("GET", self._child_path(namespace, child))

    async def list_children(self, namespace: str, kind: Kind, selector: dict[str, str]) -> Sequence[Object]:
        """List children of one kind by their labels, with the kind that items of a list lack."""
        items = await self._list(_collection(kind, namespace), {"labelSelector": selector_text(selector)})
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items]

    async def apply(self, obj: Object) -> Object:
        """Apply an object server-side and return it as stored.

        Raises:
            InvalidSpec: The namespace does not exist, or the API server rejects the object.
        """
        path = self._child_path(obj["metadata"]["namespace"], child_of(obj))
        query = {**_MANAGER, "force": "true"}
        applied = await self._api.request("PATCH", path, query=query, body=obj, content_type=APPLY_PATCH)
        if applied is None:
            namespace = obj["metadata"]["namespace"]
            raise InvalidSpec("NamespaceMissing", f"namespace {namespace} does not exist")
        return applied

    async def delete_child(self, obj: Object) -> None:
        """Delete exactly this object, not a later one of the same name; do nothing when it is gone."""
        metadata = obj["metadata"]
        path = self._child_path(metadata["namespace"], child_of(obj))
        await self._api.request("DELETE", path, body={"preconditions": {"uid": metadata["uid"]}})

    async def write_status(self, resource: Object, status: Object) -> None:
        """Replace a resource's status as a whole; do nothing when the resource is gone.

        Raises:
            Waiting: The API server rejects the status, or a later resource has the name (the uid differs).
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
        """Read and decode a Secret; None when it does not exist."""
        secret = await self._api.request("GET", f"/api/v1/namespaces/{namespace}/secrets/{name}")
        if secret is None:
            return None
        data: dict[str, str] = secret.get("data") or {}
        return {key: base64.b64decode(value).decode(errors="replace").strip() for key, value in data.items()}

    async def post_event(self, resource: Object, note: Note) -> None:
        """Post an Event about a resource; log a failure and continue."""
        metadata = resource["metadata"]
        if not self._budget.allows(metadata["uid"]):
            logger.info("Event about %s skipped, its budget is exhausted: %s", metadata["name"], note.reason)
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
    """Return the path of all objects of a kind, in one namespace or, when it is empty, in all."""
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
