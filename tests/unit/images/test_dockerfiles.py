"""Rules that every Dockerfile keeps."""

import re

import pytest
from davit_environment.manifest import PATH as MANIFEST

from devcluster.images.catalog import IMAGES, ROOT, Image

EVERY_IMAGE = pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())


def final_stage(image: Image) -> str:
    return (ROOT / image.dockerfile).read_text().split("\nFROM ")[-1]


@EVERY_IMAGE
def test_nothing_runs_as_root(image: Image):
    users = re.findall(r"^USER (\d+):(\d+)$", final_stage(image), re.MULTILINE)
    assert users, "the final stage has no USER uid:gid"
    assert "0" not in users[-1]


@EVERY_IMAGE
@pytest.mark.parametrize("label", ["title", "version", "licenses"])
def test_an_image_says_what_it_is(image: Image, label: str):
    assert f"org.opencontainers.image.{label}=" in final_stage(image)


@EVERY_IMAGE
def test_every_base_image_has_a_fixed_tag(image: Image):
    text = (ROOT / image.dockerfile).read_text()
    for default in re.findall(r"^ARG (?:BASE|BUILD)_IMAGE=(\S+)$", text, re.MULTILINE):
        assert re.search(r":[\w.-]+$", default), default
        assert not default.endswith(":latest")


@EVERY_IMAGE
def test_no_final_stage_installs_with_pip(image: Image):
    assert not re.search(r"pip install|uv (sync|pip)", final_stage(image))


@EVERY_IMAGE
def test_certificates_of_the_build_are_not_in_the_image(image: Image):
    text = (ROOT / image.dockerfile).read_text()
    assert not re.search(r"(COPY|ADD) .*(\.crt|\.pem|certs)", text)
    assert not re.search(r"^ENV .*(CERT|CA_BUNDLE)", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["operator", "server"])
def test_what_a_build_copies_is_in_its_context_and_decides_when_it_is_built_again(name: str):
    image = IMAGES[name]
    copied = re.findall(r"^COPY ((?:[\w./]+ )+)\S+$", (ROOT / image.dockerfile).read_text(), re.MULTILINE)
    sources = {source for words in copied for source in words.split()}
    assert sources <= set(map(str, image.inputs))
    assert {f"!{source}" for source in sources} <= set((ROOT / ".dockerignore").read_text().split())


def test_the_server_image_has_the_manifest_of_what_is_in_it():
    stage = final_stage(IMAGES["server"])
    assert f"python -m davit_environment.inspection > {MANIFEST}\n" in stage
    assert stage.index("davit_environment.inspection") > stage.rindex("COPY ")
    assert stage.index("davit_environment.inspection") < stage.index("\nUSER ")


@pytest.mark.parametrize("name", ["operator", "server", "mlflow"])
def test_images_and_laptops_use_one_release_of_uv(name: str):
    wanted = re.search(r"^UV_VERSION := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert f"ARG UV_VERSION={wanted[1]}\n" in (ROOT / IMAGES[name].dockerfile).read_text()
