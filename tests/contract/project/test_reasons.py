"""One table of reasons: everything the packages can say is in it, and its class reaches the condition."""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import davit_environment
import davit_operator
import davit_registry
import davit_server
import pytest
from davit_operator.domain import errors as operator_errors
from davit_registry import errors as registry_errors
from davit_registry.errors import Failure
from davit_registry.reasons import REASONS, Reason, failure_of
from davit_server.errors import ModelRejected
from davit_server.termination import MAX_BYTES, TerminationLog
from support.fakes.operator_harness import CHAMPION, OperatorHarness

ROOT = Path(__file__).parents[3]
PACKAGES = {
    "environment": Path(davit_environment.__file__).parent,
    "operator": Path(davit_operator.__file__).parent,
    "registry": Path(davit_registry.__file__).parent,
    "server": Path(davit_server.__file__).parent,
}
KNOWN = {reason.name: reason for reason in REASONS}


def source_of(path: Path) -> str:
    package = next(name for name, folder in PACKAGES.items() if path.is_relative_to(folder))
    if package == "environment":
        return "operator"  # which compares, and reports
    if package != "server":
        return package
    return "fetch" if path.is_relative_to(PACKAGES["server"] / "artifacts") else "serve"


def classes_of(module: object) -> dict[str, type]:
    return {name: kind for name, kind in vars(module).items() if isinstance(kind, type)}


OPERATORS = {name: k for name, k in classes_of(operator_errors).items() if hasattr(k, "failure")}
REGISTRYS = {name: k for name, k in classes_of(registry_errors).items() if hasattr(k, "failure")}


class Uses(ast.NodeVisitor):
    """Every reason that a file gives: its name, its class where an error carries it, and its line."""

    def __init__(self, path: Path) -> None:
        self.source = source_of(path)
        self.tree = ast.parse(path.read_text())
        self.found: list[tuple[str, Failure | None, int]] = []
        self.unreadable: list[str] = []
        self.constants = {
            target.id: node.value.value
            for node in self.tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.registry_names = {
            alias.asname or alias.name
            for node in ast.walk(self.tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("davit_registry")
            for alias in node.names
        }
        self.visit(self.tree)

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        name, owner = self._callee(node.func)
        reason = next((word.value for word in node.keywords if word.arg == "reason"), None)
        if name == "Verdict":
            self._note(node.args[2], None, node.lineno)
        elif name in {"Note", "Refusal"}:
            self._note(node.args[1], None, node.lineno)
        elif name == "Finding":
            self._note(node.args[0], None, node.lineno)
        elif name == "Reasons":  # the words for one kind of server, in davit_registry.unreachable
            for word in node.keywords:
                self._note(word.value, Failure.UNAVAILABLE, node.lineno)
        elif name == "ModelRejected" and self.source in {"fetch", "serve"}:
            given = [*node.args[4:], *(word.value for word in node.keywords if word.arg == "failure")]
            failure = ast.unparse(given[0]).rpartition(".")[2] if given else Failure.MODEL_REJECTED.name
            self._note(node.args[1], Failure.__members__.get(failure), node.lineno)
        elif name in REGISTRYS and (
            owner == "registry" or name in self.registry_names or self.source == "registry"
        ):
            kind = REGISTRYS[name]
            self._note(reason or ast.Constant(kind.reason), kind.failure, node.lineno)
        elif name in OPERATORS and self.source == "operator":
            self._note(node.args[0], OPERATORS[name].failure, node.lineno)

    @staticmethod
    def _callee(function: ast.expr) -> tuple[str, str]:
        if isinstance(function, ast.Attribute):
            return function.attr, function.value.id if isinstance(function.value, ast.Name) else ""
        return (function.id, "") if isinstance(function, ast.Name) else ("", "")

    def _note(self, expression: ast.expr, failure: Failure | None, line: int) -> None:
        match expression:
            case ast.Constant(value=str(word)):
                self.found.append((word, failure, line))
            case ast.Name(id=name) if name in self.constants:
                self.found.append((self.constants[name], failure, line))
            case ast.Attribute(attr="reason") | ast.Name(id="reason"):
                pass  # another error's, or the one that a helper was given by a caller that this walk sees
            case ast.IfExp(body=body, orelse=orelse):
                self._note(body, failure, line)
                self._note(orelse, failure, line)
            case ast.Attribute(value=ast.Name(id="reasons")):
                pass  # out of Reasons, which is walked where it is made
            case _:
                self.unreadable.append(f"line {line}: {ast.unparse(expression)}")


def files() -> Iterator[Path]:
    for folder in PACKAGES.values():
        yield from (path for path in sorted(folder.rglob("*.py")) if path.name != "reasons.py")


def uses() -> Iterator[tuple[Path, Uses]]:
    return ((path, Uses(path)) for path in files())


def test_every_reason_is_a_literal_in_the_code():
    assert {str(path): found.unreadable for path, found in uses() if found.unreadable} == {}


def test_every_reason_that_the_code_gives_is_in_the_table_with_the_class_it_is_raised_with():
    wrong = [
        f"{path.relative_to(ROOT)}:{line} {word}: raised as {failure}, in the table: {KNOWN.get(word)}"
        for path, found in uses()
        for word, failure, line in found.found
        if word not in KNOWN or (failure is not None and KNOWN[word].failure is not failure)
    ]
    assert wrong == []


def test_every_row_of_the_table_is_used_and_names_its_packages():
    given = defaultdict(set)
    for _, found in uses():
        for word, _, _ in found.found:
            given[word].add(found.source)
    assert {reason.name: set(reason.sources) for reason in REASONS} == dict(given)


def test_the_table_has_each_reason_once_with_meaning_and_cure():
    assert len(KNOWN) == len(REASONS)
    for reason in REASONS:
        assert re.fullmatch("[A-Z][A-Za-z]+", reason.name), reason
        assert reason.meaning.endswith("."), reason
        assert reason.cure.endswith("."), reason


@pytest.mark.parametrize(
    "error",
    [
        registry_errors.Denied("the cause", reason="StoreDenied", cure="the cure"),
        operator_errors.Denied("StoreDenied", "the cause", "the cure"),
        ModelRejected("fetch", "StoreDenied", "the cause", "the cure", Failure.DENIED),
    ],
    ids=["registry", "operator", "server"],
)
def test_errors_of_all_packages_explain_themselves_in_one_way(error: registry_errors.ExplainedError):
    expected = {"class": "Denied", "reason": "StoreDenied", "cause": "the cause", "cure": "the cure"}
    assert error.explanation() == expected
    assert error.message == "the cause; the cure"


# Class to (Ready, Reconciling, Stalled), as docs/architecture.md and modeldeployment/status.py have it.
CONDITIONS = {
    Failure.INVALID_SPEC: ("False", None, "True"),
    Failure.WAITING: ("False", "True", None),
    Failure.UNAVAILABLE: ("False", "True", None),
    Failure.DENIED: ("False", None, None),
    Failure.MODEL_REJECTED: ("False", None, "True"),
}
FAILURES = [reason for reason in REASONS if reason.failure]
OF_PODS = [reason for reason in FAILURES if {*reason.sources} != {"operator"}]
"""What a container can mean: `registry` is read by `fetch` as well as by the operator."""


async def conditions_after(message: str) -> dict[str, dict[str, str]]:
    harness = OperatorHarness()
    harness.registry.names(CHAMPION, "1")
    harness.cluster.create("iris", {"model": {"uri": CHAMPION}})
    await harness.reconcile()
    state = {"terminated": {"exitCode": 1, "reason": "Error", "message": message}}
    harness.cluster.start_rolling("iris", initContainerStatuses=[{"name": "fetch", "state": state}])
    await harness.reconcile()
    return harness.conditions()


def read(conditions: dict[str, dict[str, str]]) -> tuple[str | None, ...]:
    return tuple(
        conditions[type_]["status"] if type_ in conditions else None
        for type_ in ("Ready", "Reconciling", "Stalled")
    )


def written(tmp_path: Path, reason: Reason) -> str:
    """The message as the server's own code writes it."""
    file = tmp_path / "termination"
    file.touch()
    rejection = ModelRejected("fetch", reason.name, "the cause", "the cure", reason.failure)
    TerminationLog(file).write(rejection)
    return file.read_text()


@pytest.mark.parametrize("reason", OF_PODS, ids=[reason.name for reason in OF_PODS])
async def test_the_class_of_every_reason_of_pods_travels_from_the_pod_to_the_conditions(
    tmp_path: Path, reason: Reason
):
    message = written(tmp_path, reason)
    assert json.loads(message)["class"] == reason.failure
    conditions = await conditions_after(message)
    assert read(conditions) == CONDITIONS[reason.failure]
    assert conditions["Ready"]["reason"] == reason.name
    assert "the cause; the cure" in conditions["Ready"]["message"]


@pytest.mark.parametrize("failure", Failure)
async def test_the_class_decides_and_not_the_name_of_the_reason(failure: Failure):
    words = {"stage": "fetch", "reason": "NewerReasonUnavailable", "cause": "a", "cure": "b"}
    conditions = await conditions_after(json.dumps({**words, "class": failure}))
    assert read(conditions) == CONDITIONS[failure]


@pytest.mark.parametrize("reason", OF_PODS, ids=[reason.name for reason in OF_PODS])
async def test_a_message_without_a_class_gets_that_of_the_table(reason: Reason):
    words = {"stage": "fetch", "reason": reason.name, "cause": "a", "cure": "b"}
    assert read(await conditions_after(json.dumps(words))) == CONDITIONS[reason.failure]


@pytest.mark.parametrize("more", [{}, {"class": "Unheard"}, {"class": None}, {"class": ["Denied"]}])
async def test_an_unknown_reason_without_a_known_class_rejects_the_model(more: dict[str, object]):
    words = {"stage": "load", "reason": "StoreNeverHeardOfUnavailable", "cause": "a", "cure": "b", **more}
    assert failure_of("StoreNeverHeardOfUnavailable") is Failure.MODEL_REJECTED
    assert read(await conditions_after(json.dumps(words))) == CONDITIONS[Failure.MODEL_REJECTED]


@pytest.mark.parametrize("reason", [reason.name for reason in REASONS if reason.sources == ("operator",)])
async def test_a_reason_that_only_the_operator_gives_is_not_taken_from_a_pod(reason: str):
    words = {"class": "Denied", "stage": "load", "reason": reason, "cause": "a", "cure": "b"}
    assert (await conditions_after(json.dumps(words)))["Ready"]["reason"] == "ContainerFailed"


@pytest.mark.parametrize("reason", ["two words", "1st", "a\nb", "x" * 65, "", "Bad-", None, 3])
async def test_an_invalid_reason_never_reaches_a_condition(reason: object):
    words = {"stage": "load", "reason": reason, "cause": "a", "cure": "b"}
    assert (await conditions_after(json.dumps(words)))["Ready"]["reason"] == "ContainerFailed"


@pytest.mark.parametrize("reason", FAILURES, ids=[reason.name for reason in FAILURES])
def test_the_class_survives_truncation_of_the_message(tmp_path: Path, reason: Reason):
    file = tmp_path / "termination"
    file.touch()
    TerminationLog(file).write(ModelRejected("load", reason.name, "x" * 9000, "the cure", reason.failure))
    assert len(file.read_bytes()) <= MAX_BYTES
    assert json.loads(file.read_text())["class"] == reason.failure
