"""A person's own lines in place of the model's."""

import pytest
from davit_environment.errors import UnusableError
from davit_environment.need import ModelNeeds, read_needs
from davit_environment.replacing import replace_lines, replace_python

FIELD = "spec.environment.requirements"
MLMODEL = b"flavors: {sklearn: {sklearn_version: 1.7.2}, python_function: {python_version: 3.11.7}}"


def model(lines: bytes) -> ModelNeeds:
    return read_needs({"MLmodel": MLMODEL, "requirements.txt": lines})


def wanted(needs: ModelNeeds) -> list[str]:
    return [f"{one.name}{one.specifier}" for one in needs.requirements]


def test_a_line_replaces_that_of_its_name_and_another_is_added():
    found = replace_lines(model(b"mlflow==3.18.0\nnumpy==2.3.1"), ["mlflow==3.17.2", "shapely==2.0.6"], FIELD)
    assert wanted(found) == ["mlflow==3.17.2", "numpy==2.3.1", "shapely==2.0.6"]
    assert f"{FIELD}: replaces the model's mlflow" in found.notes
    assert str(found.requirements[0].place) == f"{FIELD} item 1"


def test_a_line_replaces_the_version_that_mlmodel_names():
    found = replace_lines(model(b"scikit-learn==1.7.2"), ["scikit_learn==1.8.0"], FIELD)
    assert wanted(found) == ["scikit-learn==1.8.0"]
    assert found.libraries == ()


def test_a_line_replaces_one_that_no_index_provides():
    found = replace_lines(model(b"acme-lib @ git+https://github.com/acme/lib"), ["acme-lib==1.2"], FIELD)
    assert found.refusals == ()


def test_a_line_replaces_a_package_of_conda_and_a_wheel():
    files = {
        "MLmodel": MLMODEL,
        "conda.yaml": b"dependencies: [shapely=2.0, {pip: [wheels/acme-1-py3-none-any.whl]}]",
    }
    found = replace_lines(read_needs(files), ["shapely==2.0.6", "acme==1"], FIELD)
    assert (found.refusals, found.wheels, wanted(found)) == ((), (), ["acme==1", "shapely==2.0.6"])


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "--pre",
        "",
        "a @ https://x/a.whl",
        "wheels/a-1-py3-none-any.whl",
        "a==1 --hash=sha256:" + "0" * 64,
    ],
)
def test_such_a_line_is_a_requirement_and_nothing_else(line: str):
    with pytest.raises(UnusableError) as raised:
        replace_lines(model(b""), ["b==1", line], FIELD)
    assert str(raised.value).startswith(f"{FIELD} item 2 ")


def test_another_python_takes_the_place_of_the_models():
    assert replace_python(model(b""), "3.12", "spec.environment.python").python == "3.12"
    with pytest.raises(UnusableError, match=r"spec.environment.python has no version of Python"):
        replace_python(model(b""), "three", "spec.environment.python")
