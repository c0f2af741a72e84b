import pytest
from davit_registry import (
    InvalidReference,
    LoggedModel,
    RegisteredAlias,
    RegisteredStage,
    RegisteredVersion,
    RunModel,
    StoredModel,
    parse_reference,
)
from hypothesis import given
from hypothesis import strategies as st

SIX_FORMS = {
    "models:/iris/3": RegisteredVersion("iris", 3),
    "models:/iris@champion": RegisteredAlias("iris", "champion"),
    "models:/iris/Production": RegisteredStage("iris", "Production"),
    "models:/m-0123456789abcdef": LoggedModel("m-0123456789abcdef"),
    "runs:/0123456789abcdef/model": RunModel("0123456789abcdef", "model"),
    "s3://bucket/models/1": StoredModel("s3://bucket/models/1"),
}
UNUSUAL = {
    "models:/iris/latest": RegisteredStage("iris", "latest"),
    "models:/iris of Kew/3": RegisteredVersion("iris of Kew", 3),
    "models:/a%20b/3": RegisteredVersion("a%20b", 3),
    "models:/me@work/3": RegisteredVersion("me@work", 3),
    "models:/me@work@champion": RegisteredAlias("me@work", "champion"),
    "models:/m-iris@champion": RegisteredAlias("m-iris", "champion"),
    "models:/m-iris/3": RegisteredVersion("m-iris", 3),
    "models:/Schwertlilie-ä/10": RegisteredVersion("Schwertlilie-ä", 10),
    "runs:/0123/deep/in/folders": RunModel("0123", "deep/in/folders"),
    "s3://bucket": StoredModel("s3://bucket"),
    "s3://bucket/": StoredModel("s3://bucket/"),
}
INVALID = {
    "": "does not start with",
    "iris": "does not start with",
    "iris/3": "does not start with",
    "models": "does not start with",
    "models:iris/3": "does not start with",
    "file:/tmp/model": "does not start with",
    "gs://bucket/model": "does not start with",
    "mlflow-artifacts:/1/model": "does not start with",
    "MODELS:/iris/3": "does not start with",
    " models:/iris/3": "spaces around",
    "models:/iris/3\n": "spaces around",
    "models:/ir\x00is/3": "cannot be printed",
    "models:/ir\u200bis/3": "cannot be printed",
    "models:/ir\ud800is/3": "cannot be printed",
    "models:/": "names no version",
    "models:/iris": "names no version",
    "models:/m-": "names no version",
    "models:/iris/": "names no model or no version",
    "models://iris/3": "names no model or no version",
    "models:/ /3": "names no model or no version",
    "models:/iris@": "names no model or no alias",
    "models:/@champion": "names no model or no alias",
    "models:/iris/3/4": "more parts",
    "models:/iris/3@champion": "both a version or stage and an alias",
    "models:/iris/0": "not a whole number from 1",
    "models:/iris/03": "not a whole number from 1",
    "models:/iris/" + "9" * 5000: "not a whole number from 1",
    "runs:/": "names no run or no model",
    "runs:/0123": "names no run or no model",
    "runs:/0123/": "names no run or no model",
    "runs://0123/model": "names no run or no model",
    "runs:/0123/../other": "a dot as a part",
    "runs:/0123/a//b": "an empty part",
    "runs:/0123/model/": "an empty part",
    "s3:/bucket/model": "names no bucket",
    "s3://": "names no bucket",
    "s3:///model": "names no bucket",
    "s3://bucket/../other": "a dot as a part",
}


@pytest.mark.parametrize(("uri", "reference"), (SIX_FORMS | UNUSUAL).items())
def test_a_reference_survives_a_round_trip(uri, reference):
    assert parse_reference(uri) == reference
    assert str(reference) == uri


@pytest.mark.parametrize(("uri", "problem"), INVALID.items(), ids=lambda text: ascii(text[:30]))
def test_an_invalid_reference_is_rejected_with_the_problem_and_all_six_forms(uri, problem):
    with pytest.raises(InvalidReference) as refusal:
        parse_reference(uri)
    assert problem in refusal.value.cause
    assert repr(uri) in refusal.value.cause
    forms = "NAME/VERSION NAME@ALIAS NAME/STAGE m-MODEL_ID runs:/RUN_ID/NAME s3://BUCKET/PREFIX"
    for form in forms.split():
        assert form in refusal.value.cure
    assert refusal.value.reason == "InvalidReference"


@given(st.sampled_from(["models:/", "runs:/", "s3://", "models:/iris", ""]), st.text(max_size=40))
def test_any_text_either_round_trips_or_is_rejected(start, rest):
    uri = start + rest
    try:
        reference = parse_reference(uri)
    except InvalidReference:
        return
    assert str(reference) == uri
    assert parse_reference(str(reference)) == reference


def test_references_compare_by_value():
    assert len({parse_reference("models:/iris/3"), parse_reference("models:/iris/3")}) == 1


@pytest.mark.parametrize(("stage", "is_latest"), [("latest", True), ("Latest", True), ("Production", False)])
def test_the_word_latest_stands_for_any_stage(stage, is_latest):
    assert RegisteredStage("iris", stage).is_latest is is_latest
