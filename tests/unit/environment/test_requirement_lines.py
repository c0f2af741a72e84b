"""Every kind of line that occurs in the requirements of MLflow models, and what it says."""

import pytest
from davit_environment.errors import Place, UnusableError
from davit_environment.requirement_lines import Ignored, Include, Requirement, logical_lines, read_line
from davit_environment.wheels import Wheel
from packaging.markers import Marker
from packaging.specifiers import SpecifierSet

PLACE = Place("requirements.txt", 4)
HASH = "sha256:" + "ab" * 32


def needed(name: str, versions: str = "", **more: object) -> Requirement:
    return Requirement(name, SpecifierSet(versions), PLACE, **more)


ACCEPTED = {
    "numpy": needed("numpy"),
    "scikit-learn==1.7.2": needed("scikit-learn", "==1.7.2"),
    "Scikit_Learn == 1.7.2": needed("scikit-learn", "==1.7.2"),
    "torch==2.9.1+cpu": needed("torch", "==2.9.1+cpu"),
    "mlflow<3,>=2.9": needed("mlflow", ">=2.9,<3"),
    "mlflow (>=2.9)": needed("mlflow", ">=2.9"),
    "requests[socks,security]~=2.31": needed("requests", "~=2.31", extras=("security", "socks")),
    "tomli==2; python_version < '3.11'": needed("tomli", "==2", marker=Marker("python_version < '3.11'")),
    f"numpy==2.3 --hash={HASH}": needed("numpy", "==2.3", hashes=(HASH,)),
    f"numpy==2.3 --hash {HASH}": needed("numpy", "==2.3", hashes=(HASH,)),
    "-r more.txt": Include("more.txt", False, PLACE),
    "-rmore.txt": Include("more.txt", False, PLACE),
    "--requirement=more.txt": Include("more.txt", False, PLACE),
    "-c constraints.txt": Include("constraints.txt", True, PLACE),
    "--constraint constraints.txt": Include("constraints.txt", True, PLACE),
    "--index-url https://me:secret@packages.corp/simple": Ignored("index-url", "packages.corp", PLACE),
    "-i https://packages.corp/simple": Ignored("index-url", "packages.corp", PLACE),
    "--extra-index-url=https://packages.corp/simple": Ignored("extra-index-url", "packages.corp", PLACE),
    "-f wheelhouse": Ignored("find-links", "", PLACE),
    "--trusted-host packages.corp": Ignored("trusted-host", "", PLACE),
    "--pre": Ignored("pre", "", PLACE),
    "--require-hashes": Ignored("require-hashes", "", PLACE),
    "--only-binary :all:": Ignored("only-binary", "", PLACE),
    "wheels/acme_lib-1.2-py3-none-any.whl": Wheel(
        "acme-lib", "1.2", "wheels/acme_lib-1.2-py3-none-any.whl", ("py3-none-any",), PLACE
    ),
}


@pytest.mark.parametrize("line", ACCEPTED)
def test_a_line_says_what_it_says_to_pip(line: str):
    assert read_line(line, PLACE) == [ACCEPTED[line]]


REFUSED = {
    "git+https://github.com/acme/lib@main": "names a git repository",
    "lib @ git+ssh://git@github.com/acme/lib": "names a git repository",
    "hg+http://hg.corp/lib": "names a hg repository",
    "https://packages.corp/lib-1.0-py3-none-any.whl": "names a URL (packages.corp)",
    "lib @ https://packages.corp/lib-1.0.tar.gz": "names a URL (packages.corp)",
    "numpy @ file:///home/conda/feedstock_root/numpy": "names a file of the machine where the model was trained",
    "file:///home/me/lib.whl": "names a file of the machine where the model was trained",
    "-e .": "names a source folder",
    "--editable=git+https://github.com/acme/lib": "names a source folder",
    "./lib": "names a path outside the model",
    "../lib-1.0-py3-none-any.whl": "names a path outside the model",
    "/home/me/lib-1.0-py3-none-any.whl": "names a path outside the model",
    "wheels/../../lib-1.0-py3-none-any.whl": "names a path outside the model",
    r"C:\lib-1.0.zip": "names a path outside the model",
    "lib-1.0.tar.gz": "names a path outside the model",
    "wheels/lib.whl": "names a wheel whose file name is not that of a wheel",
    "lib = 1.0": "is no requirement (it begins with lib)",
    "lib>=1.0.*": "is no requirement (it begins with lib)",
    "!!": "is no requirement",
    "lib==1; (((": "is no requirement (it begins with lib)",
    "--turbo": "has an unknown option --turbo",
    "-z": "has an unknown option",
    "lib==1 --hash=md5:0123": "has a --hash that is no sha256",
    "lib==" + "1" * 3000: "has more than 2000 characters",
    "lib==1 " + "--hash=x " * 9000: "has more than 65536 characters",
}


@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line[:40])
def test_a_line_that_no_index_can_provide_is_refused_with_its_number_and_a_cure(line: str):
    with pytest.raises(UnusableError) as raised:
        read_line(line, PLACE)
    refusal = raised.value.refusal
    assert refusal.cause.startswith(REFUSED[line])
    assert refusal.reason == "RequirementUnusable"
    assert str(refusal).startswith("requirements.txt line 4 ")
    assert refusal.cure


def test_a_refused_line_keeps_the_name_by_which_it_can_be_replaced():
    with pytest.raises(UnusableError) as raised:
        read_line("Acme_Lib[fast] @ git+https://github.com/acme/lib", PLACE)
    assert raised.value.refusal.name == "acme-lib"


def test_a_line_of_options_says_all_of_them():
    said = read_line("--index-url https://a.corp/simple --extra-index-url https://b.corp/simple", PLACE)
    assert [option.host for option in said] == ["a.corp", "b.corp"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a==1\nb==2", [(1, "a==1"), (2, "b==2")]),
        ("a==1\n", [(1, "a==1"), (2, "")]),
        ("# all of it\na==1  # why", [(1, ""), (2, "a==1")]),
        ("a==1 \\\n  --hash=x \\\n  --hash=y\nb", [(1, "a==1   --hash=x   --hash=y"), (4, "b")]),
        ("a==1 \\\n    # via b\nb", [(1, "a==1"), (3, "b")]),
        ("a \\", [(1, "a")]),
        ("a#b", [(1, "a#b")]),
        ("# not continued \\\na", [(1, ""), (2, "a")]),
    ],
)
def test_lines_are_joined_and_comments_removed_as_pip_does(text: str, lines: list[tuple[int, str]]):
    assert list(logical_lines(text)) == lines
