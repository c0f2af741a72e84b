"""Whose an object is. What is not ours is never touched."""

from davit_resource import constants
from davit_resource.objects import Object, Ref

from davit_operator.domain.errors import InvalidSpec, Waiting
from davit_operator.domain.kinds import owner_annotation
from davit_operator.domain.objects import child_of


def require_ours(obj: Object, owner: Ref, uid: str) -> None:
    """Makes sure that an object may be changed on behalf of its owner.

    Raises:
        InvalidSpec: It belongs to another owner.
        Waiting: It belongs to a deleted resource of the same name and is about to go.
    """
    metadata = obj["metadata"]
    controller = _controller_of(metadata)
    if "deletionTimestamp" in metadata:
        raise Waiting(
            "OldObjectsTerminating", f"{child_of(obj)} is being deleted; it is made anew after that"
        )
    if controller is None and _marked_as_ours(metadata, owner):
        return  # orphaned on purpose: taken back
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
    """Whether an object that nothing wants now is left over from an earlier state of this resource.

    Its controller must be this very resource: a label alone is no proof. What is being deleted already
    needs nothing more.
    """
    controller = _controller_of(obj["metadata"])
    return bool(controller and controller["uid"] == uid and "deletionTimestamp" not in obj["metadata"])


def _controller_of(metadata: Object) -> Object | None:
    return next((ref for ref in metadata.get("ownerReferences") or [] if ref.get("controller")), None)


def _marked_as_ours(metadata: Object, owner: Ref) -> bool:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return (
        labels.get(constants.MANAGED_BY_LABEL) == constants.MANAGED_BY
        and annotations.get(owner_annotation(owner.kind)) == owner.name
    )
