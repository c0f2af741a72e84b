"""What a whole model folder says: which files count, what they include, and what is wrong with them."""

import datetime as dt

import pytest
from davit_environment.errors import Refusal
from davit_environment.need import FILES, ModelNeeds, read_needs

MLMODEL = b"flavors: {python_function: {python_version: 3.11.7}}\n"
PYTHON_ENV = b"python: 3.11.7\nbuild_dependencies: [pip, setuptools==58.0.4, wheel]\ndependencies: [-r requirements.txt]\n"


def needs(names: set[str] | None = None, **files: bytes) -> ModelNeeds:
    by_path = {
        path: content for path, content in files.items() if path in FILES or "/" in path or "." in path
    }
    return read_needs({"MLmodel": MLMODEL, **by_path}, names)


def wanted(found: ModelNeeds) -> list[str]:
    return [f"{one.name}{one.specifier}" for one in found.requirements]


def only_refusal(found: ModelNeeds) -> Refusal:
    (refusal,) = found.refusals
    return refusal


def test_python_env_names_the_list_of_requirements():
    found = needs(**{"python_env.yaml": PYTHON_ENV, "requirements.txt": b"b==2\na==1"})
    assert wanted(found) == ["a==1", "b==2"]
    assert found.build == ("pip", "setuptools==58.0.4", "wheel")
    assert found.refusals == ()


def test_requirements_count_without_python_env():
    conda = b"dependencies: [python=3.8.2, {pip: [a==2]}]"
    assert wanted(needs(**{"requirements.txt": b"a==1", "conda.yaml": conda})) == ["a==1"]


def test_the_list_for_pip_in_conda_yaml_counts_where_there_is_no_other():
    conda = (
        b"channels: [conda-forge]\ndependencies:\n- python=3.8.2\n- pip<=23\n- pip:\n  - mlflow\n  - a==1\n"
    )
    found = needs(**{"conda.yaml": conda})
    assert wanted(found) == ["a==1", "mlflow"]
    assert str(found.requirements[0].place) == "conda.yaml pip item 2"


def test_the_comments_that_mlflow_puts_into_a_locked_list_are_ignored():
    conda = b"dependencies: [{pip: ['# Original requirements', '# a', '#', 'a==1  # locked']}]"
    found = needs(**{"conda.yaml": conda})
    assert (wanted(found), found.refusals) == (["a==1"], ())


def test_a_model_without_a_list_has_a_note():
    assert needs().notes == ("MLmodel: the model has no list of requirements",)


@pytest.mark.parametrize(
    ("files", "python"),
    [
        ({}, "3.11.7"),
        ({"MLmodel": b"flavors: {}", "python_env.yaml": PYTHON_ENV}, "3.11.7"),
        ({"MLmodel": b"flavors: {}", "python_env.yaml": b"python: 3.10"}, "3.10"),
        ({"MLmodel": b"flavors: {}", "conda.yaml": b"dependencies: [python=3.8.2]"}, "3.8.2"),
        ({"MLmodel": b"flavors: {}", "conda.yaml": b"dependencies: ['python>=3.8']"}, ""),
        ({"MLmodel": b"flavors: {python_function: {python_version: 3.12.0+}}"}, "3.12.0"),
        ({"MLmodel": b"flavors: {}"}, ""),
    ],
)
def test_python_comes_from_the_first_file_that_says_it(files: dict[str, bytes], python: str):
    assert needs(**files).python == python


def test_constraints_narrow_and_are_not_needed():
    found = needs(**{"requirements.txt": b"a\n-c constraints.txt", "constraints.txt": b"numpy<3\n"})
    assert wanted(found) == ["a"]
    assert [f"{one.name}{one.specifier}" for one in found.constraints] == ["numpy<3"]


def test_files_are_included_relative_to_the_file_that_names_them():
    files = {"requirements.txt": b"-r lists/a.txt", "lists/a.txt": b"-r b.txt\na", "lists/b.txt": b"b"}
    found = needs(**files)
    assert wanted(found) == ["a", "b"]
    assert str(found.requirements[1].place) == "lists/b.txt line 1"


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ("-r missing.txt", "includes a file that the model does not have"),
        ("-r /etc/passwd", "includes a file outside the model"),
        ("-r ../other/requirements.txt", "includes a file outside the model"),
        ("-r https://corp/requirements.txt", "includes a file outside the model"),
        ("-r", "includes a file outside the model"),
    ],
)
def test_nothing_outside_the_model_is_included(line: str, cause: str):
    assert only_refusal(needs(**{"requirements.txt": line.encode()})).cause == cause


def test_files_that_include_each_other_are_refused():
    found = needs(**{"requirements.txt": b"-r a.txt", "a.txt": b"-r b.txt", "b.txt": b"-r a.txt"})
    assert str(only_refusal(found)).startswith("b.txt line 1 includes files in a circle")


def test_one_bad_line_does_not_hide_the_others():
    found = needs(**{"requirements.txt": b"a==1\ngit+https://x/y\nb==2\n-e .\n"})
    assert wanted(found) == ["a==1", "b==2"]
    assert [str(refusal.place) for refusal in found.refusals] == [
        "requirements.txt line 2",
        "requirements.txt line 4",
    ]


def test_packages_of_conda_are_refused_unless_pip_has_them_too():
    conda = b"dependencies: [python=3.8, conda-forge::libfoo=1.2, numpy=1.24, pip, {pip: [numpy==1.24.0]}]"
    refusal = only_refusal(needs(**{"conda.yaml": conda}))
    assert str(refusal).startswith(
        "conda.yaml item 2 names libfoo, which only conda installs; add libfoo==VERSION"
    )
    assert refusal.name == "libfoo"


def test_wheels_in_the_model_are_packages_with_a_version():
    line = b"wheels/acme_lib-1.2-cp311-cp311-manylinux_2_17_x86_64.whl\n"
    mlmodel = MLMODEL + b"wheels: {platform: Linux-5.15-x86_64-with-glibc2.31}\n"
    found = needs(**{"MLmodel": mlmodel, "requirements.txt": line})
    (wheel,) = found.wheels
    assert (wheel.name, wheel.version, wheel.tags) == (
        "acme-lib",
        "1.2",
        ("cp311-cp311-manylinux_2_17_x86_64",),
    )
    assert found.wheels_platform == "Linux-5.15-x86_64-with-glibc2.31"
    assert found.refusals == ()


def test_a_wheel_that_the_model_does_not_have_is_refused():
    found = needs({"MLmodel"}, **{"requirements.txt": b"wheels/acme-1-py3-none-any.whl"})
    assert only_refusal(found).cause.startswith(
        "names the wheel wheels/acme-1-py3-none-any.whl, which the model"
    )


def test_a_foreign_index_is_named_in_a_note_and_nowhere_else():
    found = needs(**{"requirements.txt": b"--extra-index-url https://evil.example/simple\na==1"})
    assert found.notes == ("requirements.txt line 1: --extra-index-url evil.example is not used",)
    assert "evil" not in repr((found.requirements, found.constraints, found.wheels, found.refusals))


def test_when_the_model_was_logged_is_read_in_utc():
    mlmodel = MLMODEL + b"utc_time_created: '2023-04-05 06:07:08.123456'\nmlflow_version: 2.3.0\n"
    found = needs(MLmodel=mlmodel)
    assert found.logged_at == dt.datetime(2023, 4, 5, 6, 7, 8, 123456, tzinfo=dt.UTC)
    assert found.mlflow == "2.3.0"


def test_values_of_unexpected_types_become_notes():
    found = needs(
        MLmodel=b"utc_time_created: [1]\nmlflow_version: {}\nflavors: {sklearn: {sklearn_version: latest}}"
    )
    assert found.notes == (
        "MLmodel: mlflow_version is no version",
        "MLmodel: sklearn_version is no version",
        "MLmodel: the model has no list of requirements",
        "MLmodel: utc_time_created is no time",
    )


def test_a_folder_without_mlmodel_is_no_model():
    assert str(read_needs({}).refusals[0]) == "MLmodel is missing; log the model with MLflow"
