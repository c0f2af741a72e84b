import json
import tarfile

import pytest

from devcluster.errors import DevclusterError
from devcluster.node.archives import ArchivedImage, SmallImage, read_archive, write_archive


@pytest.fixture
def image(tmp_path):
    program = tmp_path / "program"
    program.write_bytes(b"#!")
    return SmallImage(
        "davit.dev/test:v1", {"/bin/program": program}, ("/bin/program",), {"/bin/sh": "program"}
    )


def test_what_is_written_can_be_read(image, tmp_path):
    write_archive(image, tmp_path / "image.tar")
    [found] = read_archive(tmp_path / "image.tar")
    assert found.names == ("davit.dev/test:v1",)
    assert found.identity.startswith("sha256:")


def test_the_same_content_is_the_same_image(image, tmp_path):
    for name in ("one.tar", "two.tar"):
        write_archive(image, tmp_path / name)
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_a_changed_program_changes_the_image(image, tmp_path):
    write_archive(image, tmp_path / "one.tar")
    image.programs["/bin/program"].write_bytes(b"#!!")
    write_archive(image, tmp_path / "two.tar")
    assert read_archive(tmp_path / "one.tar") != read_archive(tmp_path / "two.tar")


def test_the_layer_holds_programs_links_and_a_place_for_temporary_files(image, tmp_path):
    write_archive(image, tmp_path / "image.tar")
    with (
        tarfile.open(tmp_path / "image.tar") as archive,
        tarfile.open(fileobj=archive.extractfile("layer.tar")) as layer,
    ):
        modes = {member.name: member.mode for member in layer}
        assert layer.getmember("bin/sh").linkname == "program"
    assert modes["bin/program"] == 0o755
    assert modes["tmp"] == 0o1777


def test_an_oci_archive_can_be_read(tmp_path):
    manifest = {"config": {"digest": "sha256:c0ffee"}}
    entry = {
        "digest": "sha256:beef",
        "annotations": {"org.opencontainers.image.ref.name": "davit.dev/test:v1"},
    }
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [entry]}))
    (tmp_path / "manifest").write_text(json.dumps(manifest))
    with tarfile.open(tmp_path / "image.tar", "w") as archive:
        archive.add(tmp_path / "index.json", "index.json")
        archive.add(tmp_path / "manifest", "blobs/sha256/beef")
    assert read_archive(tmp_path / "image.tar") == [ArchivedImage(("davit.dev/test:v1",), "sha256:c0ffee")]


def test_a_file_that_is_no_archive_is_named_with_the_cure(tmp_path):
    other = tmp_path / "other.tar"
    with tarfile.open(other, "w"):
        pass
    with pytest.raises(DevclusterError, match="buildah push NAME docker-archive"):
        read_archive(other)
    other.write_text("text")
    with pytest.raises(DevclusterError, match="not a readable image archive"):
        read_archive(other)
