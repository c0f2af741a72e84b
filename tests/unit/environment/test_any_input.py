"""Whatever the files hold, reading them ends with a value, and equal files with equal values."""

from contextlib import suppress

from davit_environment.compare import compare
from davit_environment.errors import Place, UnusableError
from davit_environment.lock import LockedPackage, read_lock
from davit_environment.manifest import ManifestError, RuntimeManifest, read_manifest, write_manifest
from davit_environment.need import FILES, read_needs
from davit_environment.requirement_lines import Requirement, read_requirement
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.tuples(st.sampled_from("abz"), st.text("aqz09", max_size=6), st.sampled_from(["", "-x1"])).map(
    "".join
)
NUMBERS = st.lists(st.integers(0, 999), min_size=1, max_size=4).map(
    lambda numbers: ".".join(map(str, numbers))
)
SUFFIXES = st.sampled_from(["", "", "a1", "rc2", ".post3", ".dev4", "b1.dev2"])
VERSIONS = st.tuples(NUMBERS, SUFFIXES).map("".join)
OPERATORS = st.sampled_from(["==", "!=", ">=", "<=", ">", "<"])
CLAUSES = st.lists(st.tuples(OPERATORS, VERSIONS).map("".join), max_size=3).map(",".join)
EXTRAS = st.lists(NAMES, max_size=2).map(lambda extras: f"[{','.join(extras)}]" if extras else "")
MARKERS = st.sampled_from(["", "; python_version < '3.11'", "; sys_platform == 'linux' and extra == 'a'"])
LINES = st.tuples(NAMES, EXTRAS, CLAUSES, MARKERS).map("".join)

PIECES = st.sampled_from(
    [*"\n\\#-=:@;,.'\"[](){}<>~*&!$ \t", "-r ", "-c ", "--hash=", "requirements.txt", "numpy", "==1", "://", "git+", ".whl", "file:",
     "flavors:", "dependencies:", "pip:", "python:", "python_version", "- ", "  ", "!!", "&a", "*a", "version = 1", "[[package]]"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join)
BYTES = TEXTS.map(str.encode) | st.binary(max_size=200)
FOLDERS = st.dictionaries(st.sampled_from([*FILES, "other.txt"]), BYTES, max_size=6)


@given(FOLDERS)
def test_any_files_are_read_compared_and_the_same_again(files: dict[str, bytes]):
    image = RuntimeManifest("3.11.7", packages={"numpy": "2.0"})
    needs = read_needs(files, files.keys())
    assert needs == read_needs(dict(reversed(files.items())), files.keys())
    assert compare(needs, image) == compare(needs, image)


@given(BYTES)
def test_any_lock_is_read_or_refused(data: bytes):
    packages: tuple[LockedPackage, ...] = ()
    with suppress(UnusableError):
        packages = read_lock(data)
    assert list(packages) == sorted(packages)


@given(BYTES | st.text(max_size=50).map(str.encode))
def test_any_manifest_is_read_or_refused(data: bytes):
    manifest = RuntimeManifest("3.11.7")
    with suppress(ManifestError):
        manifest = read_manifest(data)
    assert read_manifest(write_manifest(manifest).encode()) == manifest


@given(LINES)
def test_a_requirement_written_out_is_read_as_the_same(line: str):
    place = Place("requirements.txt", 1)
    first = read_requirement(line, place)
    assert isinstance(first, Requirement)
    extras = f"[{','.join(first.extras)}]" if first.extras else ""
    marker = f" ; {first.marker}" if first.marker else ""
    assert read_requirement(f"{first.name}{extras}{first.specifier}{marker}", place) == first


@given(NAMES, VERSIONS)
def test_a_pin_fits_exactly_its_version(name: str, version: str):
    files = {"MLmodel": b"flavors: {}", "requirements.txt": f"{name}=={version}".encode()}
    found = compare(read_needs(files), RuntimeManifest("3.11.7", packages={name: version}))
    assert [difference.name for difference in found.differences] == ["Python"]


@given(NAMES, VERSIONS, VERSIONS)
def test_a_difference_has_one_word_in_whichever_line_it_stands(name: str, one: str, other: str):
    lines = f"{name}=={one}\n{name}\n{name}=={one}".encode()
    image = RuntimeManifest("3.11.7", packages={name: other})
    found = compare(read_needs({"MLmodel": b"flavors: {}", "requirements.txt": lines}), image)
    alone = compare(
        read_needs({"MLmodel": b"flavors: {}", "requirements.txt": f"{name}=={one}".encode()}), image
    )
    assert found == alone
