"""Files made to exhaust or mislead their reader are refused, with the line where that is known."""

import sys
from collections.abc import Callable

import pytest
from davit_environment.errors import FILE_UNREADABLE
from davit_environment.need import ModelNeeds, read_needs
from davit_environment.requirements import LINES

BOMB = b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n"


def requirements(data: bytes) -> ModelNeeds:
    return read_needs({"MLmodel": b"flavors: {}", "requirements.txt": data})


REFUSED = {
    "aliases": ("MLmodel", BOMB, "MLmodel line 2 has an alias"),
    "tags": ("MLmodel", b"a: !!python/object:os.system x", "MLmodel line 1 has a tag"),
    "nested flow": ("MLmodel", b"a: " + b"[" * 100_000, "MLmodel line 1 is nested deeper than 40 levels"),
    "nested blocks": ("MLmodel", b"\n".join(b" " * i + b"a:" for i in range(60)), "is nested deeper than 40 levels"),
    "many values": ("MLmodel", b"a:\n" + b"- x\n" * 110_000, "or has more than 100000 values"),
    "large": ("MLmodel", b"#" * (4 * 1024 * 1024 + 1), "has 4194305 bytes, and 4194304 are allowed"),
    "no mapping": ("MLmodel", b"- a", "holds no mapping"),
    "no YAML": ("MLmodel", b"a: b\nc: [", "is not YAML"),
    "two documents": ("MLmodel", b"a: 1\n---\nb: 2\n", "MLmodel line 2 is not YAML"),
    "no text": ("MLmodel", b"a: 1\nb: \xff\n", "MLmodel line 2 is not UTF-8"),
    "python as a list": ("python_env.yaml", b"python: [3]", "has no version of Python in python"),
    "python as a range": ("python_env.yaml", b"python: '>=3.10'", "has no version of Python in python"),
    "dependencies as text": ("python_env.yaml", b"dependencies: mlflow", "has no list of texts in dependencies"),
    "dependencies of maps": ("python_env.yaml", b"dependencies: [{a: b}]", "has no list of texts in dependencies"),
    "conda without a list": ("conda.yaml", b"dependencies: {pip: []}", "has no list in dependencies"),
    "conda with a map": ("conda.yaml", b"dependencies: [{npm: []}]", "conda.yaml item 1 is no package of conda"),
    "a long list": ("requirements.txt", b"a\n" * 200_000, "has 400000 bytes, and 262144 are allowed"),
    "bare control characters": ("requirements.txt", b"a\nb\x0b==1", "requirements.txt line 2 has the control character U+000B"),
    "another line separator": ("requirements.txt", "a\u2028b".encode(), "has the control character U+2028"),
    "zero bytes": ("requirements.txt", b"a\x00", "has the control character U+0000"),
    "Latin-1": ("requirements.txt", "# Größe".encode("latin-1"), "requirements.txt line 1 is not UTF-8"),
    "many lines": ("requirements.txt", b"a\n" * (LINES + 10), f"line {LINES + 1} is one of more than {LINES} lines"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_a_hostile_file_is_refused_with_place_and_cure(case: str):
    file, data, message = REFUSED[case]
    refusals = read_needs({"MLmodel": b"flavors: {}", file: data}).refusals
    assert len(refusals) == 1
    assert message in str(refusals[0])
    assert refusals[0].reason == FILE_UNREADABLE
    assert refusals[0].cure


@pytest.mark.parametrize(
    "data",
    [
        "a==1\nb==2\n".encode("utf-8-sig"),
        "a==1\nb==2\n".encode("utf-16"),
        b"a==1\r\nb==2\r\n",
        b"a==1\rb==2",
        b"a==1\nb==2",
        "a==1  # Größe\nb==2".encode(),
    ],
)
def test_byte_order_marks_and_line_ends_of_every_system_are_read(data: bytes):
    found = requirements(data)
    assert [str(one.place) for one in found.requirements] == [
        "requirements.txt line 1",
        "requirements.txt line 2",
    ]
    assert found.refusals == ()


def test_yaml_gives_no_text_a_type():
    found = read_needs(
        {"MLmodel": b"utc_time_created: 2023-02-31\nflavors: {python_function: {python_version: 3.10}}"}
    )
    assert found.python == "3.10"
    assert "MLmodel: utc_time_created is no time" in found.notes


def executed_lines(call: Callable[[], object]) -> int:
    """Lines of Python that a call runs: what grows with the work, on a busy machine too."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    "piece",
    [b"a==1\n", b"a \\\n", b" #", b"#\\\n", b"--hash=x ", b"-r requirements.txt\n", b"git+https://x\n", b" ", b"(", b"a;"],
)  # fmt: skip
def test_the_work_grows_no_faster_than_the_file(piece: bytes):
    small, large = (executed_lines(lambda size=size: requirements(piece * size)) for size in (500, 1000))
    assert large <= 2.2 * small + 1000
