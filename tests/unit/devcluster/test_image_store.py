import json
from pathlib import Path

import pytest

from devcluster.errors import DevclusterError
from devcluster.node.archives import SmallImage, read_archive, write_archive
from devcluster.node.image_store import ImageStore

CTR = """\
#!{python}
# Keeps images as `ctr` does, in a folder: one file per name with the manifest's digest in it.
import hashlib, json, pathlib, sys, tarfile
store = pathlib.Path({store!r})
group, verb, *rest = sys.argv[5:]
digest_of = lambda data: "sha256:" + hashlib.sha256(data).hexdigest()
(store / "calls").open("a").write(f"{{group}} {{verb}}\\n")
if verb == "list":
    print("REF TYPE DIGEST SIZE PLATFORMS LABELS")
    for file in sorted((store / "names").iterdir()):
        name, digest = json.loads(file.read_text())
        if not rest or rest[0] == "name==" + name:
            print(name, "type", digest, "1MB", "linux", "-")
elif verb == "get":
    print((store / "content" / rest[0]).read_text())
elif verb == "import":
    with tarfile.open(rest[0]) as archive:
        [entry] = json.load(archive.extractfile("manifest.json"))
        identity = digest_of(archive.extractfile(entry["Config"]).read())
    manifest = json.dumps({{"config": {{"digest": identity}}}})
    digest = digest_of(manifest.encode())
    (store / "content" / digest).write_text(manifest)
    for name in [*entry["RepoTags"], identity]:
        (store / "names" / digest_of(name.encode())).write_text(json.dumps([name, digest]))
elif verb == "remove":
    (store / "names" / digest_of(rest[0].encode())).unlink()
"""


class FakeContainerd:
    """A `ctr` on PATH with a store of its own."""

    def __init__(self, folder):
        self._folder = folder

    def names(self):
        return {json.loads(file.read_text())[0] for file in (self._folder / "names").iterdir()}

    def imports(self):
        return (self._folder / "calls").read_text().count("images import")


@pytest.fixture
def containerd(tmp_path, monkeypatch):
    import sys

    store, program = tmp_path / "store", tmp_path / "bin" / "ctr"
    for folder in (store / "names", store / "content", program.parent):
        folder.mkdir(parents=True)
    program.write_text(CTR.format(python=sys.executable, store=str(store)))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return FakeContainerd(store)


@pytest.fixture
def images(tmp_path, containerd):
    return ImageStore(Path("/socket"), tmp_path)


def archive_of(folder, content, name="davit.dev/test:v1"):
    program = folder / "program"
    program.write_text(content)
    path = folder / f"{content}.tar"
    write_archive(SmallImage(name, {"/bin/program": program}, ("/bin/program",)), path)
    return path


def test_an_image_is_imported_once(images, containerd, tmp_path):
    archive = archive_of(tmp_path, "one")
    images.load(str(archive))
    images.load(str(archive))
    assert containerd.imports() == 1
    assert images.identity("davit.dev/test:v1") == read_archive(archive)[0].identity


def test_a_changed_image_replaces_the_old_one_and_frees_its_space(images, containerd, tmp_path):
    old, new = archive_of(tmp_path, "one"), archive_of(tmp_path, "two")
    images.load(str(old))
    images.load(str(new))
    assert containerd.names() == {"davit.dev/test:v1", read_archive(new)[0].identity}


def test_an_old_image_with_another_name_stays(images, containerd, tmp_path):
    images.load(str(archive_of(tmp_path, "one", "davit.dev/test:kept")))
    kept = images.identity("davit.dev/test:kept")
    images.load(str(archive_of(tmp_path, "one")))
    images.load(str(archive_of(tmp_path, "two")))
    assert {"davit.dev/test:kept", kept} <= containerd.names()


def test_an_image_that_is_not_there_has_no_identity(images):
    assert images.identity("davit.dev/test:v1") is None


def test_a_missing_image_is_named_with_the_cure(images, tmp_path, monkeypatch):
    buildah = tmp_path / "bin" / "buildah"
    buildah.write_text("#!/bin/sh\necho 'image not known' >&2\nexit 125\n")
    buildah.chmod(0o755)
    with pytest.raises(DevclusterError, match=r"buildah has no image .*: build it first"):
        images.load("davit.dev/none:v1")
