"""What a condition says: what differs, where it can be read, and what to do."""

import pytest
from davit_environment.compare import NeededLibrary, compare
from davit_environment.manifest import RuntimeManifest
from davit_environment.messages import CHARACTERS, Finding, judge, unchecked
from davit_environment.need import read_needs

IMAGE = "davit.dev/server:0.2.0-py311"
RUNTIME = RuntimeManifest("3.11.7", packages={"scikit-learn": "1.8.0", "mlflow-skinny": "3.17.2", "a": "1.1"})


def finding(lines: str, mlmodel: str = "python_version: 3.11.7", cure: str = "", soname: str = "") -> Finding:
    files = {"MLmodel": f"flavors: {{python_function: {{{mlmodel}}}}}", "requirements.txt": lines}
    libraries = [NeededLibrary("lightgbm", soname, main=True)] if soname else []
    comparison = compare(
        read_needs({path: text.encode() for path, text in files.items()}), RUNTIME, libraries
    )
    return judge("churn/7", IMAGE, comparison, RUNTIME, cure)


def test_an_image_that_fits_is_named_with_what_was_compared():
    found = finding("mlflow==3.17.2\nscikit-learn==1.8.0")
    assert found == Finding("FitsImage", f"{IMAGE} has all 3 requirements of churn/7", fits=True)


def test_notes_are_counted():
    assert finding("mlflow==3.17.1").message == f"{IMAGE} has all 2 requirements of churn/7 (1 note)"


def test_warnings_are_named():
    found = finding("mlflow==3.17.1\na==1.2")
    assert found.message == (
        f"{IMAGE} serves churn/7 with 1 warning and 1 note among 3 requirements: a 1.2, image has 1.1"
    )
    assert found.fits


def test_a_mismatch_names_both_sides_and_the_cure():
    found = finding(
        "scikit-learn==1.7.2",
        "python_version: 3.12.1, python_model: m.pkl",
        cure="set spec.environment.mode to build",
    )
    assert found == Finding(
        "EnvironmentMismatch",
        "churn/7 was logged with Python 3.12 and scikit-learn 1.7.2; the image has 3.11 and 1.8.0 (2 of 2 differ); "
        "set spec.environment.mode to build",
        fits=False,
    )


@pytest.mark.parametrize(
    ("lines", "python", "cure"),
    [
        ("a==1.1", "3.12.1", "log the model with Python 3.11, or serve"),
        ("a==3.0", "3.11.7", "log the model with the image's versions, or serve"),
        ("a==3.0", "3.12.1", "log the model with Python 3.11 and the image's versions, or serve"),
        ("a==3.0\nacme-lib==1.2", "3.12.1", "serve"),
    ],
)
def test_without_a_cure_of_the_caller_that_is_given_which_helps(lines: str, python: str, cure: str):
    message = finding(lines, f"python_version: {python}, python_model: m.pkl").message
    assert message.endswith(f"differ); {cure} it with an image that has what the model needs")


def test_what_the_image_lacks_is_named():
    assert (
        "was logged with acme-lib 1.2; the image has no acme-lib (1 of 2" in finding("acme-lib==1.2").message
    )


def test_a_line_that_cannot_be_used_is_the_reason_by_itself():
    found = finding("scikit-learn==1.7.2\ngit+https://x/y\n-e .")
    assert found.reason == "RequirementUnusable"
    assert found.message.startswith("requirements.txt line 2 names a git repository; publish a wheel")
    assert found.message.endswith("(and 1 more)")


def test_a_missing_library_is_reported_with_its_debian_package():
    found = finding("", soname="libgomp.so.1")
    assert found == Finding(
        "LibraryMissing",
        "churn/7: lightgbm needs libgomp.so.1, which the image lacks; serve it with an image that has the Debian "
        "package libgomp1",
        fits=False,
    )


def test_an_image_without_a_manifest_is_said_to_be_unchecked():
    found = unchecked("churn/7", "corp/server:1")
    assert (found.reason, found.fits) == ("Unchecked", None)
    assert found.message.startswith("corp/server:1 has no manifest, so churn/7 is not compared")


@pytest.mark.parametrize("lines", ["\n".join(f"package-{n}==1" for n in range(500)), "a" * 1900 + "==1"])
def test_a_message_stays_short(lines: str):
    assert len(finding(lines).message) <= CHARACTERS
