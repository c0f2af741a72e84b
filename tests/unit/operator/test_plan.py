"""Plans: what to change and why; and whose objects are never touched."""

import pytest
from davit_operator.domain.errors import InvalidSpec, Waiting
from davit_operator.domain.kinds import owner_annotation
from davit_operator.domain.objects import child_of
from davit_operator.engine.plan import Plan, make_plan
from davit_resource import constants
from davit_resource.constants import KIND
from davit_resource.objects import Ref

OWNER, UID = Ref(KIND, "demo", "iris"), "uid-1"


def obj(kind="Service", mark="1", owner=("ModelDeployment", "iris", UID), **metadata):
    annotations = {constants.HASH_ANNOTATION: mark, owner_annotation("ModelDeployment"): "iris"}
    references = [{"kind": owner[0], "name": owner[1], "uid": owner[2], "controller": True}] if owner else []
    labels = {constants.MANAGED_BY_LABEL: constants.MANAGED_BY}
    return {
        "kind": kind,
        "metadata": {
            "name": "iris",
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": references,
            **metadata,
        },
        "spec": {"type": "ClusterIP"},
    }


def plan(wanted, live):
    return make_plan(wanted, {child_of(one): one for one in live}, OWNER, UID)


def test_a_missing_object_is_applied():
    assert [step.reason for step in plan([obj()], []).apply] == ["missing"]


def test_an_unchanged_object_is_not_applied():
    assert plan([obj()], [obj(resourceVersion="7")]) == Plan()


def test_a_changed_desired_state_is_applied():
    assert [step.reason for step in plan([obj(mark="2")], [obj()]).apply] == ["desired state changed"]


def test_a_changed_object_is_repaired_and_the_field_is_named():
    live = obj()
    live["spec"]["type"] = "NodePort"
    assert [step.reason for step in plan([obj()], [live]).apply] == [
        "spec.type was changed by another writer"
    ]


def test_a_removed_owner_reference_is_repaired():
    assert len(plan([obj()], [obj(owner=None)]).apply) == 1


def test_an_object_outside_the_desired_state_is_deleted():
    (step,) = plan([], [obj("PodDisruptionBudget")]).delete
    assert step.obj["kind"] == "PodDisruptionBudget"


@pytest.mark.parametrize(
    "stranger",
    [
        obj(owner=("Deployment", "other", "x")),
        obj(owner=None, annotations={}),
        obj(owner=None, labels={}),
        obj(owner=("ModelDeployment", "other", "x")),
    ],
    ids=["of another controller", "without our mark", "without our label", "of another ModelDeployment"],
)
def test_an_object_of_another_owner_is_never_changed(stranger):
    with pytest.raises(InvalidSpec, match="Service iris exists already") as refused:
        plan([obj()], [stranger])
    assert refused.value.reason == "NameTaken"
    assert "rename this ModelDeployment, or delete that object" in refused.value.message


@pytest.mark.parametrize(
    "old",
    [obj(owner=("ModelDeployment", "iris", "uid-0")), obj(deletionTimestamp="now")],
    ids=["owner", "going"],
)
def test_objects_of_an_earlier_resource_of_the_name_are_awaited(old):
    with pytest.raises(Waiting) as waiting:
        plan([obj()], [old])
    assert waiting.value.reason == "OldObjectsTerminating"
