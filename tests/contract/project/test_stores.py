"""What is known of a kind of store stands in its row and its module, and nowhere else in the packages."""

import ast
from collections.abc import Iterator
from pathlib import Path

import davit_operator
import davit_registry
import davit_server
import pytest
from davit_registry.stores.table import STORES

PACKAGES = [Path(package.__file__).parent for package in (davit_operator, davit_registry, davit_server)]
STORES_ROOM = Path(davit_registry.__file__).parent / "stores"
SCHEMES = tuple(f"{kind.scheme}:" for kind in STORES)
VARIABLES = {name for kind in STORES for name in kind.variables}
HEADERS = ("x-amz-", "x-goog-", "x-ms-")


def strings(source: str) -> Iterator[ast.Constant]:
    """Every string of a module that is no docstring."""
    tree = ast.parse(source)
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node


def knowledge_of_stores(source: str) -> list[str]:
    return [
        f"line {one.lineno}: {one.value}"
        for one in strings(source)
        if one.value.startswith(SCHEMES) or one.value in VARIABLES or one.value.lower().startswith(HEADERS)
    ]


@pytest.mark.parametrize(
    "line",
    [
        'if location.startswith("s3://"): pass',
        'path = location.removeprefix("mlflow-artifacts:")',
        'key = secret["AWS_ACCESS_KEY_ID"]',
        'url = environ.get("DAVIT_REGISTRY_URL")',
        'region = headers["X-Amz-Bucket-Region"]',
        'location = f"s3://{bucket}"',
    ],
)
def test_this_test_recognizes_such_a_line(line: str):
    assert knowledge_of_stores(line)


def test_no_other_module_tests_a_scheme_names_a_variable_or_reads_a_header_of_a_store():
    found = {
        str(path): lines
        for package in PACKAGES
        for path in sorted(package.rglob("*.py"))
        if STORES_ROOM not in path.parents and (lines := knowledge_of_stores(path.read_text()))
    }
    assert found == {}


def test_every_row_has_a_form_of_its_scheme_and_keys_that_it_requires():
    for kind in STORES:
        assert kind.form.startswith(f"{kind.scheme}:")
        assert {key for keys in kind.required_keys for key in keys} <= kind.secret_keys.keys()
        assert kind.ca_file_variable in {"", *kind.process_variables}
    assert len({kind.scheme for kind in STORES}) == len(STORES)
