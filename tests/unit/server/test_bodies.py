"""Reading bodies: types, sizes, depth."""

import json

import pytest
from davit_server.errors import InvalidInput, Unsupported
from davit_server.protocols.bodies import BodyLimits, decode_json, media_kind, require_plain
from hypothesis import given
from hypothesis import strategies as st

LIMITS = BodyLimits(max_depth=8)


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        (b"application/json", "json"),
        (b"Application/JSON", "json"),
        (b"application/json; charset=UTF-8", "json"),
        (b"text/csv", "csv"),
        (b"application/vnd.apache.parquet", "parquet"),
    ],
)
def test_media_types_are_case_insensitive(content_type, kind):
    assert media_kind(content_type) == kind


@pytest.mark.parametrize(
    "content_type",
    [b"", b"text/html", b"application/json; charset=latin-1", b"application/json; format=x", b"\xff"],
)
def test_other_media_types_are_refused_without_repeating_them(content_type):
    with pytest.raises(Unsupported) as refused:
        media_kind(content_type)
    assert "latin" not in refused.value.message


def test_a_missing_content_type_and_a_compressed_body_are_refused():
    with pytest.raises(Unsupported, match="no Content-Type"):
        require_plain({"headers": []})
    with pytest.raises(Unsupported, match="Content-Encoding"):
        require_plain({"headers": [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]})


@pytest.mark.parametrize("depth", [1, 7, 8])
def test_depth_up_to_the_limit_is_read(depth):
    assert decode_json(b"[" * depth + b"]" * depth, LIMITS) is not None


@pytest.mark.parametrize(
    "body", [b"[" * 9 + b"]" * 9, b'{"a":' * 9 + b"1" + b"}" * 9, b'[{"a":' * 5 + b"1" + b"}]" * 5]
)
def test_depth_beyond_the_limit_is_rejected(body):
    with pytest.raises(InvalidInput, match="deeper than the 8 levels"):
        decode_json(body, LIMITS)


def test_brackets_in_strings_do_not_count():
    assert decode_json(b'["' + b"[" * 50 + b'\\"]"]', LIMITS) == ["[" * 50 + '"]']


@given(st.recursive(st.integers() | st.text(), lambda inner: st.lists(inner, max_size=4), max_leaves=30))
def test_the_decoder_agrees_with_the_json_module(value):
    assert decode_json(json.dumps(value).encode(), BodyLimits()) == value


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[1e5", b"nul", b'{"a":1,}', b"[" + b"9" * 5000 + b"]"]
)
def test_invalid_json_is_rejected_without_an_echo(body):
    with pytest.raises(InvalidInput) as refused:
        decode_json(body, LIMITS)
    assert "9999" not in refused.value.message
