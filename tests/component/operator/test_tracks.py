"""A second track: one more goal. Its objects, its entry in the status, and that nothing of it is left behind."""

from copy import deepcopy

import pytest
from davit_operator.app import register_model_deployments
from davit_operator.domain.objects import Child
from davit_operator.modeldeployment.tracks import choose_goals
from davit_operator.workload.blueprint import TrackGoal
from support.world import World

KINDS = ("Service", "PodDisruptionBudget", "Deployment")


def with_candidate(spec, target):
    return (*choose_goals(spec, target), TrackGoal("candidate", target, replicas=2))


@pytest.fixture
async def world():
    """Two tracks, of which only the stable one is rolled out."""
    world = World([register_model_deployments(choose_goals=with_candidate)])
    await world.serve()
    return world


def names_of(world, track):
    return {
        child.kind: child.name
        for (_, child), obj in world.cluster.children.items()
        if obj["metadata"]["labels"]["davit.dev/track"] == track
    }


def change_goals(world, goals):
    world.registrations = [register_model_deployments(choose_goals=goals)]
    world.restart_operator()


async def test_each_track_has_objects_labels_and_pods_of_its_own(world):
    stable, candidate = names_of(world, "stable"), names_of(world, "candidate")
    assert set(stable) == {"Service", "Deployment"}, "one replica needs no budget"
    assert set(candidate) == set(KINDS)
    assert not set(stable.values()) & set(candidate.values())
    for names, replicas in ((stable, 1), (candidate, 2)):
        deployment = world.cluster.child("Deployment", names["Deployment"])
        service = world.cluster.child("Service", names["Service"])
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        assert deployment["spec"]["replicas"] == replicas
        assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
        assert service["spec"]["selector"] == deployment["spec"]["selector"]["matchLabels"]
    assert world.cluster.child("Service", "iris")["spec"]["selector"]["davit.dev/track"] == "stable"


async def test_the_status_has_an_entry_for_each_track_and_readiness_is_that_of_the_stable_one(world):
    stable, candidate = world.status()["tracks"]
    assert (stable["name"], stable["label"], stable["replicas"]["summary"]) == ("stable", "iris/1", "1/1")
    assert (candidate["name"], candidate["label"], candidate["replicas"]["summary"]) == (
        "candidate",
        "iris/1",
        "0/2",
    )
    assert world.condition("Ready")["status"] == "True"
    assert world.status()["replicas"]["desired"] == 1


async def test_with_one_track_the_status_lists_none():
    world = World()
    await world.serve()
    assert "tracks" not in world.status()


async def test_two_tracks_in_steady_state_cause_no_write(world):
    world.cluster.writes.clear()
    await world.reconcile()
    assert world.cluster.writes == []


async def test_removing_a_track_deletes_its_objects_and_keeps_the_stable_one(world):
    gone = set(names_of(world, "candidate").values())
    before = deepcopy(
        {child: obj for (_, child), obj in world.cluster.children.items() if child.name == "iris"}
    )
    world.cluster.writes.clear()
    change_goals(world, choose_goals)
    await world.reconcile()
    assert names_of(world, "candidate") == {}
    assert sorted(world.cluster.writes) == sorted(
        [*(f"delete {kind} {name}" for kind in KINDS for name in gone), "status"]
    )
    assert {child: obj for (_, child), obj in world.cluster.children.items()} == before
    assert "tracks" not in world.status()


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
async def test_an_object_with_only_the_label_of_a_removed_track_is_kept(world, change):
    name = names_of(world, "candidate")["Service"]
    world.cluster.child("Service", name)["metadata"].update(change)
    change_goals(world, choose_goals)
    await world.reconcile()
    assert set(names_of(world, "candidate")) == {"Service"}
    assert world.condition("Ready")["status"] == "True"


async def test_a_foreign_object_with_the_name_of_a_track_is_reported_and_kept():
    world = World([register_model_deployments(choose_goals=with_candidate)])
    await world.serve()
    name = names_of(world, "candidate")["Service"]
    where = ("demo", Child("Service", name))
    foreign = {"kind": "Service", "metadata": {"name": name, "namespace": "demo", "uid": "theirs"}}
    world.cluster.children[where] = deepcopy(foreign)
    await world.reconcile()
    assert world.condition("Ready")["reason"] == "NameTaken"
    assert world.cluster.children[where] == foreign
