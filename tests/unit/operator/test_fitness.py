"""Whatever a model's files and a spec hold, the comparison ends with a bounded result."""

import pytest
from davit_environment.manifest import RuntimeManifest
from davit_environment.need import FILES, read_needs
from davit_operator.domain.errors import InvalidSpec, ModelRejected
from davit_operator.models.fitness import LINE_CHARACTERS, MOST_LINES, check_lines, judge_fitness
from davit_resource.v1alpha1 import EnvironmentSpec
from hypothesis import given
from hypothesis import strategies as st

IMAGE = RuntimeManifest("3.11.7", packages={"numpy": "2.0.0", "mlflow-skinny": "3.17.2"})
PIECES = st.sampled_from(
    [*"\n-=:@;,'\"[]{}*&! ", "numpy", "==1.0", "flavors:", "python_version", "dependencies:", "git+https://h/x", "x/"]
)  # fmt: skip
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)
FOLDERS = st.dictionaries(st.sampled_from(FILES), TEXTS.map(str.encode) | st.binary(max_size=100), max_size=6)
SPECS = st.builds(
    EnvironmentSpec,
    python=st.none() | TEXTS,
    requirements=st.lists(TEXTS | st.just("numpy==2.0.0"), max_size=3),
)


@given(FOLDERS, SPECS)
def test_every_result_is_a_bounded_condition(files: dict[str, bytes], spec: EnvironmentSpec):
    check = judge_fitness("iris/1", "a/b:1", read_needs(files, files.keys()), spec, IMAGE)
    assert (check.status == "True") is (check.problem is None)
    assert check.reason.isalnum()
    assert 0 < len(check.message) <= 1200
    for lines in (check.differences, check.notes):
        assert len(lines) <= MOST_LINES
        assert all(len(line) <= LINE_CHARACTERS for line in lines)
    if check.problem:
        assert isinstance(check.problem, InvalidSpec | ModelRejected)
        assert (check.problem.reason, check.problem.message) == (check.reason, check.message)


@given(SPECS)
def test_a_spec_is_usable_or_its_item_is_named(spec: EnvironmentSpec):
    try:
        check_lines(spec)
    except InvalidSpec as problem:
        assert problem.message.startswith("spec.environment.")  # noqa: PT017  usable specs raise nothing


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (EnvironmentSpec(requirements=["numpy==2.0.0", "-e ."]), "spec.environment.requirements item 2 "),
        (EnvironmentSpec(python="three"), "spec.environment.python "),
    ],
)
def test_an_item_that_cannot_be_used_is_named_by_field_and_number(spec: EnvironmentSpec, message: str):
    with pytest.raises(InvalidSpec, match=f"^{message}"):
        check_lines(spec)
