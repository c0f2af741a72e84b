"""Names: readable where Kubernetes allows it, unique always."""

import re

import pytest
from davit_operator.workload.naming import all_tracks_labels, endpoint, object_name, selector_labels
from davit_resource.constants import KIND
from davit_resource.objects import Ref
from hypothesis import given
from hypothesis import strategies as st

SERVICE_NAME = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
PART = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
RESOURCE_NAMES = st.from_regex(rf"{PART}(\.{PART}){{0,3}}", fullmatch=True).filter(
    lambda name: len(name) <= 253
)


def test_a_plain_name_is_kept():
    assert object_name("iris", "stable") == "iris"


@given(RESOURCE_NAMES, st.sampled_from(["stable", "candidate"]))
def test_every_name_is_a_valid_service_name(name, track):
    assert re.fullmatch(SERVICE_NAME, object_name(name, track))


@given(st.lists(RESOURCE_NAMES, min_size=2, max_size=2, unique=True))
def test_two_deployments_never_share_a_name(names):
    assert object_name(names[0], "stable") != object_name(names[1], "stable")


@pytest.mark.parametrize(
    ("one", "other"),
    [("a" * 60 + "b" * 10, "a" * 60 + "c" * 10), ("iris.v1", "iris-v1"), ("1iris", "md-1iris")],
)
def test_names_with_one_prefix_do_not_collide(one, other):
    assert object_name(one, "stable") != object_name(other, "stable")


def test_a_track_of_one_deployment_is_not_another_deployment():
    assert object_name("iris", "candidate") != object_name("iris-candidate", "stable")


@given(RESOURCE_NAMES)
def test_selector_labels_are_valid_label_values(name):
    for value in selector_labels(name, "stable").values():
        assert re.fullmatch(r"[a-z0-9]([-a-z0-9_.]{0,61}[a-z0-9])?", value)
    assert all_tracks_labels(name).items() <= selector_labels(name, "stable").items()


def test_the_endpoint_shows_a_port_only_when_it_is_unusual():
    assert endpoint(Ref(KIND, "demo", "iris"), 80) == "http://iris.demo.svc"
    assert endpoint(Ref(KIND, "demo", "iris"), 9000) == "http://iris.demo.svc:9000"
