"""No password, token or URL that holds one leaves the lines of a model."""

import pytest
from davit_environment.compare import compare
from davit_environment.hosts import UNNAMED, host_of
from davit_environment.manifest import RuntimeManifest
from davit_environment.messages import judge
from davit_environment.need import read_needs
from hypothesis import given
from hypothesis import strategies as st

LINES = [
    "--index-url https://me:{}@packages.corp/simple",
    "--index-url=https://{}@packages.corp/simple",
    "-i https://{}:x-oauth-basic@packages.corp/simple",
    "--extra-index-url https://packages.corp/{}/simple",
    "--extra-index-url https://packages.corp/simple?token={}",
    "-f https://packages.corp/wheels#{}",
    "--find-links=https://me:{}/x@packages.corp/wheels",
    "--trusted-host {}",
    "--index-url {}",
    "lib @ https://me:{}@packages.corp/lib.whl",
    "lib @ git+https://{}@github.com/acme/lib@v1",
    "git+https://{}@github.com/acme/lib#egg=lib",
    "https://me:{}@packages.corp/lib-1.0.tar.gz",
    "-e git+https://{}@github.com/acme/lib",
    "-r https://me:{}@packages.corp/requirements.txt",
    "-c https://{}@packages.corp/constraints.txt",
    "lib==1 --global-option={}",
    "lib==1 --config-settings={}",
    "lib==1 --hash=sha256:{}",
    "--unknown={}",
    "--unknown {}",
    "PASSWORD={}",
    "password: {}",
    "lib=={} =",
    "lib>=1 {}",
    "${{{}}}",
    "./{}/lib",
    "/home/{}/lib-1.0.whl",
]


def everything_said(line: str) -> str:
    """All that any message, status or log could show of a model with such a line."""
    image = RuntimeManifest("3.11.7")
    shown = []
    for files in (
        {"requirements.txt": line},
        {"requirements.txt": "-c constraints.txt", "constraints.txt": line},
        {"conda.yaml": f"channels: ['https://me:{line}@corp']\ndependencies: [{{pip: ['{line}']}}]"},
        {"python_env.yaml": f"dependencies: ['{line}']"},
        {"MLmodel": f"flavors: {{}}\nurl: '{line}'", "uv.lock": f"version = 1\nurl = '{line}'"},
    ):
        needs = read_needs(
            {name: text.encode() for name, text in {"MLmodel": "flavors: {}", **files}.items()}
        )
        comparison = compare(needs, image)
        shown += [repr(needs), repr(comparison), repr(judge("m/1", "image", comparison, image)), *needs.notes]
        shown += map(str, comparison.refusals)
    return "\n".join(shown)


@pytest.mark.parametrize("line", LINES)
def test_no_secret_of_a_line_is_in_a_value_or_message(line: str):
    secret = "hunter2hunter2"
    assert secret not in everything_said(line.format(secret))


@given(
    st.sampled_from([line for line in LINES if "://" in line]),
    st.text("abcXYZ019-_.~%!$&'()*+,;=:@/?#[]\\\" ", min_size=6),
)
def test_no_password_of_whichever_characters_is_shown(line: str, rest: str):
    secret = f"hunter2{rest}"
    assert "hunter2" not in everything_said(line.format(secret))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://packages.corp/simple", "packages.corp"),
        ("https://me:secret@Packages.Corp:8443/simple", "packages.corp"),
        ("https://me:p@ss@packages.corp/simple", "packages.corp"),
        ("https://secret/rest@packages.corp/simple", UNNAMED),
        ("https://secret#rest@packages.corp", UNNAMED),
        ("https://[broken", UNNAMED),
        ("https://${HOST}/simple", UNNAMED),
        ("https://", UNNAMED),
        ("", UNNAMED),
    ],
)
def test_of_a_url_only_the_host_is_shown(url: str, host: str):
    assert host_of(url) == host
