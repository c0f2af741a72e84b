"""Reading a ModelDeployment as the API server stores it."""

import pytest
from davit_resource.v1alpha1 import UnreadableSpec, parse_resource


def resource(spec, **body):
    metadata = {"namespace": "demo", "name": "iris", "uid": "u", "generation": 2}
    return parse_resource({"metadata": metadata, "spec": spec, **body})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "spec.model is missing: add it"),
        ({"model": {}}, "spec.model.uri is missing: add it"),
        (
            {"model": {"uri": "models:/a/1"}, "canary": {}},
            "spec.canary is not known to this operator: remove the field, or upgrade the operator",
        ),
        (
            {"model": {"uri": "models:/a/1"}, "server": {"logLevel": "loud"}},
            "spec.server.logLevel: input should be 'Debug', 'Info', 'Warning' or 'Error'; correct it",
        ),
    ],
)
def test_a_spec_that_cannot_be_read_names_the_field_and_the_cure(spec, message):
    with pytest.raises(UnreadableSpec) as refused:
        resource(spec).parse_spec()
    assert str(refused.value) == message


def test_a_message_never_repeats_the_value():
    with pytest.raises(UnreadableSpec) as refused:
        resource({"model": {"uri": {"password": "hunter2"}}}).parse_spec()
    assert "hunter2" not in str(refused.value)


def test_an_unreadable_status_counts_as_empty():
    assert resource({}, status={"conditions": "text"}).status.conditions == []


def test_unknown_fields_of_a_later_status_are_ignored():
    assert resource({}, status={"observedGeneration": 1, "later": True}).status.observed_generation == 1


def test_a_resource_with_a_deletion_timestamp_is_deleting():
    body = {"metadata": {"namespace": "d", "name": "i", "uid": "u", "deletionTimestamp": "now"}, "spec": {}}
    assert parse_resource(body).deleting
