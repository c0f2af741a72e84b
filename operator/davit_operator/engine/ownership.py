"""Ownership of objects: the operator changes only objects that belong to the resource it reconciles."""

from davit_resource import constants
from davit_resource.objects import Object, Ref

from davit_operator.domain.errors import InvalidSpec, Waiting
from davit_operator.domain.kinds import owner_annotation
from davit_operator.domain.objects import child_of


def require_ownership(obj: Object, owner: Ref, uid: str) -> None:
    """Check that an object may be changed on behalf of an owner.

    Raises:
        InvalidSpec: The object belongs to another owner.
        Waiting: The object is being deleted, or belongs to a deleted resource of the same name.
    """
    metadata = obj["metadata"]
    controller = _controller_of(metadata)
    if "deletionTimestamp" in metadata:
        raise Waiting(
            "OldObjectsTerminating", f"{child_of(obj)} is being deleted; it is recreated after that"
        )
    if controller is None and _is_marked(metadata, owner):
        return  # orphaned by `--cascade=orphan`: adopted again
    if controller is None or controller.get("kind") != owner.kind or controller.get("name") != owner.name:
        holder = f"{controller['kind']} {controller['name']}" if controller else "an unknown owner"
        raise InvalidSpec(
            "NameTaken",
            f"{child_of(obj)} exists already and belongs to {holder}: "
            f"rename this {owner.kind}, or delete that object",
        )
    if controller["uid"] != uid:
        raise Waiting(
            "OldObjectsTerminating",
            f"{child_of(obj)} belongs to an earlier {owner.kind} of this name and is about to be deleted",
        )


def is_surplus(obj: Object, uid: str) -> bool:
    """Return whether an object that is no longer part of the desired state may be deleted.

    Its controller must be this very resource; a label alone proves nothing. An object that is already being
    deleted is not surplus.
    """
    controller = _controller_of(obj["metadata"])
    return bool(controller and controller["uid"] == uid and "deletionTimestamp" not in obj["metadata"])


def _controller_of(metadata: Object) -> Object | None:
    return next((ref for ref in metadata.get("ownerReferences") or [] if ref.get("controller")), None)


def _is_marked(metadata: Object, owner: Ref) -> bool:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return (
        labels.get(constants.MANAGED_BY_LABEL) == constants.MANAGED_BY
        and annotations.get(owner_annotation(owner.kind)) == owner.name
    )
