"""The table of differences, row by row, and how a verdict is made of them."""

from pathlib import Path

import pytest
from davit_environment import severity
from davit_environment.compare import Comparison, NeededLibrary, compare
from davit_environment.manifest import RuntimeManifest
from davit_environment.need import ModelNeeds, read_needs
from davit_environment.severity import ROWS, Severity, names_of

NOTE, WARN, REFUSE = Severity
README = Path(__file__).parents[3] / "environment" / "README.md"
PYTHON_FUNCTION = "flavors: {python_function: {python_version: 3.11.7, loader_module: mlflow.sklearn}"
SKOPS = f"{PYTHON_FUNCTION}, sklearn: {{serialization_format: skops}}}}"
PICKLE = f"{PYTHON_FUNCTION}, sklearn: {{serialization_format: pickle}}}}"
BY_VALUE = "flavors: {python_function: {python_version: 3.11.7, python_model: python_model.pkl}}"


def runtime(python: str = "3.11.7", **packages: str) -> RuntimeManifest:
    named = {name.replace("_", "-"): version for name, version in packages.items()}
    return RuntimeManifest(python, packages=named, libraries=frozenset({"libc.so.6"}))


def needs(lines: str = "", mlmodel: str = SKOPS, **files: str) -> ModelNeeds:
    texts = {"MLmodel": mlmodel, "requirements.txt": lines, **files}
    return read_needs({path: text.encode() for path, text in texts.items()})


def severities(comparison: Comparison) -> dict[str, Severity]:
    return {difference.name: difference.severity for difference in comparison.differences}


ROW_BY_ROW = [
    # requirement, the image's version, the severity; none for no difference
    ("scikit-learn==1.7.2", "1.7.2", None),
    ("scikit-learn==1.7.2", "1.7.1", NOTE),
    ("scikit-learn==1.7.2", "1.8.0", REFUSE),
    ("scikit-learn==1.7.2", "1.6.1", REFUSE),
    ("scikit-learn==1.7.2", "2.0.0", REFUSE),
    ("skops==0.14", "0.16", REFUSE),
    ("skops==0.16.1", "0.16.0", NOTE),
    ("numpy==2.3.1", "1.26.4", REFUSE),
    ("numpy==1.26.4", "2.3.1", NOTE),
    ("numpy==1.26.4", "1.23.5", WARN),
    ("numpy==2.3.1", "2.4.0", NOTE),
    ("pandas==3.0.1", "2.3.3", REFUSE),
    ("pandas==2.3.3", "3.0.1", NOTE),
    *(
        (f"{name}==2.4.1", "2.3.9", REFUSE)
        for name in ("torch", "tensorflow", "keras", "xgboost", "lightgbm")
    ),
    *((f"{name}==2.4.1", "2.5.0", WARN) for name in ("torch", "tensorflow", "keras", "xgboost", "lightgbm")),
    *((f"{name}==2.4.1", "3.0.0", REFUSE) for name in ("catboost", "onnxruntime", "torch")),
    ("xgboost==2.4.1", "2.4.0", NOTE),
    ("mlflow==3.17.2", "3.16.0", REFUSE),
    ("mlflow==3.17.2", "2.22.5", REFUSE),
    ("mlflow==3.17.2", "3.17.0", NOTE),
    ("mlflow==3.17.2", "3.18.0", NOTE),
    ("mlflow==2.9.2", "3.17.2", NOTE),
    ("mlflow<3,>=2.9", "3.17.2", NOTE),
    ("mlflow>=3.18", "3.17.2", REFUSE),
    ("cloudpickle==3.1.2", "3.1.3", NOTE),
    ("cloudpickle==2.2.1", "3.1.2", WARN),
    ("cloudpickle==3.0.0", "2.2.1", REFUSE),
    ("packaging==23.0", "26.3", NOTE),
    ("packaging==23.0", None, NOTE),
    ("psutil==5.9", None, NOTE),
    ("typing-extensions<4.6", "4.15.0", NOTE),
    ("pytest==9.2.0", None, NOTE),
    ("acme-lib==1.2", None, REFUSE),
    ("acme-lib", None, REFUSE),
    ("acme-lib", "0.1", None),
    ("acme-lib==1.2.3", "1.2.4", NOTE),
    ("acme-lib==1.2.3", "1.3.0", WARN),
    ("acme-lib==1.2.3", "1.1.0", WARN),
    ("acme-lib==1.2.3", "2.0.0", REFUSE),
    ("acme-lib==1!1.2", "1.2", REFUSE),
    ("acme-lib==1.2.3", "1.2.3rc1", NOTE),
    ("acme-lib==1.2.*", "1.2.9", None),
    ("acme-lib==1.2.*", "1.3.0", WARN),
    ("acme-lib===1.2-custom", "1.2", REFUSE),
    ("acme-lib>=1.2", "1.3", None),
    ("acme-lib>=1.2", "1.3rc1", None),
    ("acme-lib>=1.2", "1.1", REFUSE),
    ("acme-lib<2,>=1", "2.0", REFUSE),
    ("acme-lib!=1.3", "1.3", REFUSE),
    ("torch==2.9.1", "2.9.1+cpu", None),
    ("torch==2.9.1+cu128", "2.9.1+cpu", NOTE),
]


@pytest.mark.parametrize(("line", "version", "severity"), ROW_BY_ROW)
def test_each_row_of_the_table(line: str, version: str | None, severity: Severity | None):
    name = needs(line).requirements[0].name
    image = RuntimeManifest("3.11.7", packages={} if version is None else {name: version})
    assert severities(compare(needs(line), image)) == ({} if severity is None else {name: severity})


def test_every_package_with_a_row_of_its_own_is_tried():
    tried = {needs(line).requirements[0].name for line, _, _ in ROW_BY_ROW}
    for row in ROWS:
        assert tried & row.packages
    assert len({name for row in ROWS for name in row.packages}) == sum(len(row.packages) for row in ROWS)


LABELS = {
    "scikit-learn, skops": severity.ESTIMATORS,
    "numpy, pandas": severity.ARRAYS,
    "numpy, pandas, where files are pickled": severity.PICKLED_ARRAYS,
    "torch, TensorFlow, Keras, XGBoost, LightGBM, CatBoost, onnxruntime": severity.FRAMEWORKS,
    "mlflow": severity.MLFLOW,
    "cloudpickle": severity.PICKLERS,
    "packaging, psutil, typing-extensions, pip, setuptools, wheel, certifi, tzdata, pytest, rich": severity.UNREAD,
    "any other package": severity.OTHERS,
}


@pytest.mark.parametrize("label", LABELS)
def test_the_readme_has_the_table_as_it_is(label: str):
    row = LABELS[label]
    cells = [
        label,
        *(f"{side.major.value}, {side.minor.value}" for side in (row.older, row.newer)),
        row.absent.value,
    ]
    assert f"\n| {' | '.join(cells)} |\n" in README.read_text()
    assert (row.older.patch, row.newer.patch) == (NOTE, NOTE)
    named = {name.strip().lower() for name in label.partition(", where")[0].split(",")}
    assert not row.packages or named <= row.packages


def test_the_readme_has_every_row():
    assert {*severity.ROWS, severity.PICKLED_ARRAYS, severity.OTHERS} == set(LABELS.values())


@pytest.mark.parametrize(("mlmodel", "severity"), [(SKOPS, NOTE), (PICKLE, WARN), (BY_VALUE, WARN)])
def test_a_newer_major_version_of_numpy_is_a_warning_where_files_are_pickled(
    mlmodel: str, severity: Severity
):
    assert severities(compare(needs("numpy==1.26.4", mlmodel), runtime(numpy="2.3.1")))["numpy"] is severity


@pytest.mark.parametrize(
    ("mlmodel", "python", "severity"),
    [
        (SKOPS, "3.11.7", None),
        (SKOPS, "3.11.9", NOTE),
        (SKOPS, "3.12.1", WARN),
        (PICKLE, "3.12.1", WARN),
        (PICKLE.replace("pickle", "cloudpickle"), "3.12.1", WARN),
        (PICKLE.replace("pickle", "cloudpickle, cloudpickle_version: 3.1.2"), "3.12.1", REFUSE),
        (BY_VALUE, "3.11.9", NOTE),
        (BY_VALUE, "3.10.13", REFUSE),
        (BY_VALUE, "3.12.1", REFUSE),
        (BY_VALUE.replace("python_model: python_model.pkl", "model_code_path: model.py"), "3.12.1", WARN),
        ("flavors: {}", "3.12.1", NOTE),
    ],
)
def test_pythons_minor_version_matters_most_where_code_is_pickled(
    mlmodel: str, python: str, severity: Severity | None
):
    found = severities(compare(needs(mlmodel=mlmodel), runtime(python)))
    assert found.get("Python") is severity


@pytest.mark.parametrize(("main", "severity"), [(True, REFUSE), (False, WARN)])
def test_a_missing_shared_library_matters_by_what_needs_it(main: bool, severity: Severity):
    library = NeededLibrary("lightgbm", "libgomp.so.1", main)
    comparison = compare(needs(), runtime(), [library, NeededLibrary("numpy", "libc.so.6", main=True)])
    assert severities(comparison) == {"libgomp.so.1": severity}
    assert comparison.differences[0].sentence == "lightgbm needs libgomp.so.1, which the image lacks"


@pytest.mark.parametrize(
    ("line", "image"),
    [
        ("mlflow==3.17.2", {"mlflow-skinny": "3.17.2"}),
        ("mlflow-skinny==3.17.2", {"mlflow": "3.17.2"}),
        ("xgboost==3.2.0", {"xgboost-cpu": "3.2.0"}),
        ("tensorflow==2.20.0", {"tensorflow-cpu": "2.20.0"}),
    ],
)
def test_another_build_of_the_same_package_is_that_package(line: str, image: dict[str, str]):
    assert compare(needs(line), RuntimeManifest("3.11.7", packages=image)).differences == ()
    assert names_of("numpy") == ("numpy",)


@pytest.mark.parametrize(
    ("marker", "applies"),
    [
        ("python_version < '3.11'", False),
        ("python_version >= '3.11'", True),
        ("python_full_version == '3.11.7'", True),
        ("sys_platform == 'win32'", False),
        ("sys_platform == 'linux' and platform_machine == 'x86_64'", True),
        ("platform_machine == 'arm64'", False),
        ("platform_python_implementation == 'CPython' and os_name == 'posix'", True),
        ("extra == 'dev'", False),
    ],
)
def test_markers_are_those_of_the_image_and_not_of_this_machine(marker: str, applies: bool):
    comparison = compare(needs(f"acme-lib==1.2; {marker}"), runtime())
    assert severities(comparison) == ({"acme-lib": REFUSE} if applies else {})


def test_the_version_in_mlmodel_counts_without_a_line():
    mlmodel = f"{PYTHON_FUNCTION}, sklearn: {{sklearn_version: 1.7.2, serialization_format: skops}}}}"
    comparison = compare(needs("scikit-learn>=1", mlmodel), runtime(scikit_learn="1.8.0"))
    assert [str(difference) for difference in comparison.differences] == [
        "scikit-learn 1.7.2, image has 1.8.0: refuse"
    ]


def test_constraints_are_compared_with_what_the_image_has_and_add_nothing():
    files = {"constraints.txt": "numpy<2\nacme-lib==1"}
    comparison = compare(needs("-c constraints.txt", **files), runtime(numpy="2.3.1"))
    assert [str(difference) for difference in comparison.differences] == ["numpy <2, image has 2.3.1: refuse"]


def test_a_wheel_in_the_model_is_compared_by_its_version():
    comparison = compare(needs("wheels/acme_lib-1.2-py3-none-any.whl"), runtime(acme_lib="1.3"))
    assert severities(comparison) == {"acme-lib": WARN}


@pytest.mark.parametrize(
    ("platform", "warned"),
    [
        ("Linux-5.15-x86_64-with-glibc2.31", False),
        ("Linux-5.15-aarch64-with-glibc2.31", True),
        ("macOS-14.5-arm64-arm-64bit", True),
    ],
)
def test_wheels_of_another_platform_are_a_warning(platform: str, warned: bool):
    mlmodel = f"{SKOPS}\nwheels: {{platform: {platform}}}"
    assert severities(compare(needs(mlmodel=mlmodel), runtime())) == ({"wheels": WARN} if warned else {})


def test_extras_are_noted_as_unchecked():
    comparison = compare(needs("requests[socks]==2.31"), runtime(requests="2.31"))
    assert severities(comparison) == {"requests[socks]": NOTE}


def test_hashes_are_not_compared():
    assert compare(needs("acme-lib==1 --hash=sha256:" + "0" * 64), runtime(acme_lib="1")).differences == ()


def test_the_gravest_word_is_the_verdict_and_the_gravest_differences_come_first():
    lines = "zlib-x==1.0.1\nb==1.1\na==1.1\npackaging==1\n"
    comparison = compare(needs(lines), runtime("3.11.9", zlib_x="2", b="1.2", a="1.2", packaging="2"))
    found = [(one.name, one.severity) for one in comparison.differences]
    assert found == [("zlib-x", REFUSE), ("a", WARN), ("b", WARN), ("packaging", NOTE), ("Python", NOTE)]
    assert comparison.verdict is REFUSE
    assert comparison.checked == 5


def test_the_order_of_the_lines_changes_nothing():
    image = runtime(a="2", b="2")
    first, second = compare(needs("a==1\nb==1"), image), compare(needs("b==1\na==1"), image)
    assert first == second


def test_an_image_that_differs_in_nothing_fits():
    comparison = compare(needs("scikit-learn==1.7.2"), runtime(scikit_learn="1.7.2"))
    assert (comparison.verdict, comparison.differences, comparison.checked) == (NOTE, (), 2)


def test_a_line_that_cannot_be_used_refuses_every_image():
    comparison = compare(needs("lib @ git+https://github.com/acme/lib"), runtime(lib="1.0"))
    assert comparison.verdict is REFUSE
    assert [refusal.name for refusal in comparison.refusals] == ["lib"]


def test_a_cloudpickle_model_of_python_3_10_is_refused_by_an_image_with_3_11():
    mlmodel = BY_VALUE.replace("3.11.7", "3.10.13")
    comparison = compare(needs("mlflow==3.17.2", mlmodel), runtime(mlflow_skinny="3.17.2"))
    assert [str(difference) for difference in comparison.differences] == [
        "Python 3.10.13, image has 3.11.7, and the model has code pickled by value: refuse"
    ]


def test_a_skops_model_is_served_beside_another_patch_version_with_a_note():
    lines = "mlflow==3.17.2\nscikit-learn==1.8.1\nskops==0.16.0"
    comparison = compare(needs(lines), runtime(mlflow="3.17.2", scikit_learn="1.8.0", skops="0.16.0"))
    assert severities(comparison) == {"scikit-learn": NOTE}
    assert comparison.verdict is NOTE
