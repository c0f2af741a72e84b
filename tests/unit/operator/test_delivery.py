"""Which deliveries are believed, and what they hint at."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from davit_operator.domain.webhook import Delivery, Outcome
from davit_operator.models.delivery import follows, judge_delivery, read_hint, sign
from davit_resource.v1alpha1 import parse_resource
from support.fakes.ports import FakeClock

SECRET = "a shared secret"
NOW = FakeClock().now()
STARTED = NOW - timedelta(hours=1)


def delivery(
    *, seconds_ago: float = 0, secret: str = SECRET, body: bytes = b"{}", **changes: str
) -> Delivery:
    sent = str(int((NOW - timedelta(seconds=seconds_ago)).timestamp()))
    plain = replace(Delivery("delivery-1", sent, "", body), **changes)
    return replace(plain, signature=sign(secret, plain))


def judged(one: Delivery) -> Outcome:
    return judge_delivery(one, SECRET, NOW, STARTED)


def test_a_signature_is_what_mlflow_3_17_wrote():
    recorded = Delivery(
        "6f1c8d0e-3f6b-4f5e-9a57-1b1d3f9f7b11", "1795305600", "", b'{"entity": "model_version_alias"}'
    )
    assert sign("davit", recorded) == "v1,IGVoXlvKKKdopFqQ1SPoPRkff7zLY85k05QqIia0wk8="


def test_a_fresh_signed_delivery_is_accepted():
    assert judged(delivery()) is Outcome.ACCEPTED
    assert judged(delivery(seconds_ago=299)) is Outcome.ACCEPTED
    assert judged(delivery(seconds_ago=-299)) is Outcome.ACCEPTED


@pytest.mark.parametrize(
    "forged",
    [
        delivery(secret="another secret"),
        replace(delivery(), signature=""),
        replace(delivery(), signature="v1,"),
        replace(delivery(), signature="v1,ünsigned"),
        replace(delivery(), body=b'{"data": 1}'),
        replace(delivery(), id="delivery-2"),
        replace(delivery(), timestamp=str(int(NOW.timestamp()) + 1)),
    ],
    ids=["other secret", "none", "empty", "not ascii", "other body", "other id", "other time"],
)
def test_anything_that_differs_from_what_was_signed_is_forged(forged):
    assert judged(forged) is Outcome.FORGED


@pytest.mark.parametrize("seconds_ago", [301, -301, 10**9, -(10**11)])
def test_a_timestamp_far_from_now_is_stale(seconds_ago):
    assert judged(delivery(seconds_ago=seconds_ago)) is Outcome.STALE


@pytest.mark.parametrize("timestamp", ["", "now", "1e9", "9" * 30])
def test_an_invalid_timestamp_is_stale(timestamp):
    assert judged(delivery(timestamp=timestamp)) is Outcome.STALE


def test_a_delivery_from_before_the_process_start_is_stale():
    started = NOW - timedelta(seconds=10, microseconds=400)
    assert judge_delivery(delivery(seconds_ago=12), SECRET, NOW, started) is Outcome.STALE
    assert judge_delivery(delivery(seconds_ago=10), SECRET, NOW, started) is Outcome.ACCEPTED


def news(entity: str, **data: object) -> bytes:
    return json.dumps({"entity": entity, "action": "created", "data": data}).encode()


def test_deliveries_about_versions_and_aliases_name_their_model():
    assert read_hint(news("model_version_alias", name="iris", alias="champion", version="1")) == "iris"
    assert read_hint(news("model_version", name="iris", version="1", tags={"a": "b"})) == "iris"


@pytest.mark.parametrize(
    "body",
    [
        news("prompt_alias", name="iris"),
        news("model_version_alias"),
        news("model_version_alias", name=7),
        news("model_version_alias", name=None),
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b"",
    ],
)
def test_other_deliveries_give_no_hint(body):
    assert read_hint(body) is None


@pytest.mark.parametrize(
    ("uri", "concerned"),
    [
        ("models:/iris@champion", True),
        ("models:/iris/3", True),
        ("models:/iris/Production", True),
        ("models:/iris/latest", True),
        ("models:/Iris@champion", False),
        ("models:/rose@champion", False),
        ("models:/m-0123", False),
        ("runs:/0123/iris", False),
        ("s3://iris/iris", False),
        ("iris", False),
    ],
)
def test_a_hint_concerns_what_refers_to_that_registered_model(uri, concerned):
    metadata = {"namespace": "demo", "name": "x", "uid": "u"}
    assert (
        follows(parse_resource({"metadata": metadata, "spec": {"model": {"uri": uri}}}), {"iris"})
        is concerned
    )


def test_an_invalid_spec_follows_no_model():
    metadata = {"namespace": "demo", "name": "x", "uid": "u"}
    assert not follows(parse_resource({"metadata": metadata, "spec": {"unknown": 1}}), {"iris"})
