import random

import pytest
from davit_registry import File, InvalidReference, NotFound, digest_of, listing
from davit_registry.listing import Listing, bare_etag, contents_of
from hypothesis import given
from hypothesis import strategies as st

MODEL = [
    File("MLmodel", 700, "0f343b0931126a20f133d67c2b018a3b"),
    File("model.skops", 14000, "d41d8cd98f00b204e9800998ecf8427e-2"),
    File("code/ä b.py", 0, ""),
]
paths = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
files = st.builds(File, paths, st.integers(0, 2**50), st.text("0123456789abcdef-", max_size=34))


def test_a_digest_never_changes_between_releases():
    assert digest_of(MODEL) == "sha256:758d26f39dc0f0975f82f1ddcca217b65158faa2c6cf424eaaa30db7acdf4297"


@given(st.lists(files, max_size=10), st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_a_listing(found, chance: random.Random):
    assert digest_of(chance.sample(found, len(found))) == digest_of(found)


@given(st.lists(files, max_size=6), st.lists(files, max_size=6))
def test_different_files_have_different_digests(these, those):
    assert (digest_of(these) == digest_of(those)) == (sorted(these) == sorted(those))


@pytest.mark.parametrize(
    "other",
    [
        [File("MLmodel", 701, MODEL[0].etag), *MODEL[1:]],
        [File("MLmodel", 700, "0" * 32), *MODEL[1:]],
        [File("mlmodel", 700, MODEL[0].etag), *MODEL[1:]],
        MODEL[1:],
        [*MODEL, File("new", 0, "")],
    ],
    ids=["size", "content", "name", "one less", "one more"],
)
def test_every_change_changes_the_digest(other):
    assert digest_of(other) != digest_of(MODEL)


@pytest.mark.parametrize(
    ("header", "etag"), [('"abc"', "abc"), ('W/"abc"', "abc"), ("abc", "abc"), ("", ""), ('"abc-2"', "abc-2")]
)
def test_an_etag_is_stored_without_quotes(header, etag):
    assert bare_etag(header) == etag


def test_a_listing_is_sorted_by_path():
    listing = Listing("s3://bucket/model")
    for file in MODEL:
        listing.add(file)
    assert [file.path for file in listing.files()] == ["MLmodel", "code/ä b.py", "model.skops"]


def test_an_empty_location_is_reported_with_the_cure():
    with pytest.raises(NotFound) as refusal:
        Listing("s3://bucket/model").files()
    assert refusal.value.reason == "LocationEmpty"
    assert "s3://bucket/model" in str(refusal.value)
    assert "log and register the model again" in str(refusal.value)


def test_a_location_with_too_many_files_is_rejected(monkeypatch):
    monkeypatch.setattr(listing, "MOST_FILES", 2)
    found = Listing("s3://bucket/")
    found.add(MODEL[0])
    found.add(MODEL[1])
    with pytest.raises(InvalidReference) as refusal:
        found.add(MODEL[2])
    assert refusal.value.reason == "LocationTooLarge"
    assert "folder of one model" in refusal.value.cure


MD5 = "0f343b0931126a20f133d67c2b018a3b"


@pytest.mark.parametrize(
    ("found", "proven"),
    [
        ([File("a", 1, MD5)], "Content"),
        ([File("a", 1, MD5.upper())], "Content"),
        ([File("a", 1, f"{MD5}-2")], "Content"),
        ([File("a", 1, MD5), File("b", 20 << 20, f"{MD5}-10000")], "Content"),
        ([File("a", 1, MD5), File("__init__.py", 0, "")], "Content"),
        ([File("a", 1, "")], "Listing"),
        ([File("a", 1, MD5), File("b", 1, "")], "Listing"),
        ([File("a", 1, "0x8DCA1B2C3D4E5F6")], "Listing"),
        ([File("a", 1, "66a1f2c4-1f4")], "Listing"),
        ([File("a", 1, f"{MD5}-")], "Listing"),
        ([File("a", 1, f"{MD5}0")], "Listing"),
        ([File("a", 1, MD5[:-1])], "Listing"),
    ],
)
def test_integrity_is_content_only_if_every_etag_is_of_content(found, proven):
    assert contents_of(found) == (digest_of(found), proven)
