"""A second track: one more goal. Its objects, its entry in the status, and that nothing of it is left behind."""

from copy import deepcopy

import pytest
from davit_operator.app import register_model_deployments
from davit_operator.domain.objects import Child
from davit_operator.modeldeployment.tracks import choose_goals
from davit_operator.workload.blueprint import TrackGoal
from support.fakes.operator_harness import OperatorHarness

KINDS = ("Service", "PodDisruptionBudget", "Deployment")


def with_candidate(spec, target):
    return (*choose_goals(spec, target), TrackGoal("candidate", target, replicas=2))


@pytest.fixture
async def harness():
    """Two tracks, of which only the stable one is rolled out."""
    harness = OperatorHarness([register_model_deployments(choose_goals=with_candidate)])
    await harness.serve()
    return harness


def names_of(harness, track):
    return {
        child.kind: child.name
        for (_, child), obj in harness.cluster.children.items()
        if obj["metadata"]["labels"]["davit.dev/track"] == track
    }


def change_goals(harness, goals):
    harness.registrations = [register_model_deployments(choose_goals=goals)]
    harness.restart_operator()


async def test_each_track_has_objects_labels_and_pods_of_its_own(harness):
    stable, candidate = names_of(harness, "stable"), names_of(harness, "candidate")
    assert set(stable) == {"Service", "Deployment"}, "one replica needs no budget"
    assert set(candidate) == set(KINDS)
    assert not set(stable.values()) & set(candidate.values())
    for names, replicas in ((stable, 1), (candidate, 2)):
        deployment = harness.cluster.child("Deployment", names["Deployment"])
        service = harness.cluster.child("Service", names["Service"])
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["replicas"] == replicas
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert harness.cluster.child("Service", "iris")["spec"]["selector"]["davit.dev/track"] == "stable"


async def test_the_status_has_an_entry_for_each_track_and_readiness_is_that_of_the_stable_one(harness):
    stable, candidate = harness.status()["tracks"]
    assert (stable["name"], stable["label"], stable["replicas"]["summary"]) == ("stable", "iris/1", "1/1")
    assert (candidate["name"], candidate["label"], candidate["replicas"]["summary"]) == (
        "candidate",
        "iris/1",
        "0/2",
    )
    assert harness.condition("Ready")["status"] == "True"
    assert harness.status()["replicas"]["desired"] == 1


async def test_with_one_track_the_status_lists_none():
    harness = OperatorHarness()
    await harness.serve()
    assert "tracks" not in harness.status()


async def test_two_tracks_in_steady_state_cause_no_write(harness):
    harness.cluster.writes.clear()
    await harness.reconcile()
    assert harness.cluster.writes == []


async def test_removing_a_track_deletes_its_objects_and_keeps_the_stable_one(harness):
    gone = set(names_of(harness, "candidate").values())
    before = deepcopy(
        {child: obj for (_, child), obj in harness.cluster.children.items() if child.name == "iris"}
    )
    harness.cluster.writes.clear()
    change_goals(harness, choose_goals)
    await harness.reconcile()
    assert names_of(harness, "candidate") == {}
    assert sorted(harness.cluster.writes) == sorted(
        [*(f"delete {kind} {name}" for kind in KINDS for name in gone), "status"]
    )
    assert {child: obj for (_, child), obj in harness.cluster.children.items()} == before
    assert "tracks" not in harness.status()


@pytest.mark.parametrize(
    "change",
    [
        {"ownerReferences": []},
        {
            "ownerReferences": [
                {"kind": "ModelDeployment", "name": "iris", "uid": "another", "controller": True}
            ]
        },
        {"deletionTimestamp": "2026-11-21T08:00:00Z"},
    ],
    ids=["without a controller", "of another owner", "on its way out"],
)
async def test_an_object_with_only_the_label_of_a_removed_track_is_kept(harness, change):
    name = names_of(harness, "candidate")["Service"]
    harness.cluster.child("Service", name)["metadata"].update(change)
    change_goals(harness, choose_goals)
    await harness.reconcile()
    assert set(names_of(harness, "candidate")) == {"Service"}
    assert harness.condition("Ready")["status"] == "True"


async def test_a_foreign_object_with_the_name_of_a_track_is_reported_and_kept():
    harness = OperatorHarness([register_model_deployments(choose_goals=with_candidate)])
    await harness.serve()
    name = names_of(harness, "candidate")["Service"]
    where = ("demo", Child("Service", name))
    foreign = {"kind": "Service", "metadata": {"name": name, "namespace": "demo", "uid": "theirs"}}
    harness.cluster.children[where] = deepcopy(foreign)
    await harness.reconcile()
    assert harness.condition("Ready")["reason"] == "NameTaken"
    assert harness.cluster.children[where] == foreign
