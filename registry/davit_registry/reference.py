"""References: what a user writes to name a model, in six forms, parsed once and never picked apart again.

The grammar is MLflow's own, which decodes no percent signs and allows `@` in names. Where MLflow would
read `models:/iris` as the identifier of a logged model, we demand the `m-` that every such identifier
starts with, because a forgotten version is the likelier mistake.
"""

import re
from dataclasses import dataclass

from davit_registry.errors import InvalidReference
from davit_registry.stores.table import direct_stores

_FORMS = (
    "models:/NAME/VERSION",
    "models:/NAME@ALIAS",
    "models:/NAME/STAGE",
    "models:/m-MODEL_ID",
    "runs:/RUN_ID/NAME",
)
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """One version of a registered model: `models:/iris/3`."""

    name: str
    version: int

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.version}"


@dataclass(frozen=True, slots=True)
class RegisteredAlias:
    """The version that an alias points to now: `models:/iris@champion`."""

    name: str
    alias: str

    def __str__(self) -> str:
        return f"models:/{self.name}@{self.alias}"


@dataclass(frozen=True, slots=True)
class RegisteredStage:
    """The newest version in a stage: `models:/iris/Production`; `models:/iris/latest` for any stage."""

    name: str
    stage: str

    def __str__(self) -> str:
        return f"models:/{self.name}/{self.stage}"

    @property
    def is_latest(self) -> bool:
        """Whether the stage is the word `latest`: the newest version whatever its stage."""
        return self.stage.lower() == "latest"


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A logged model by its identifier, registered or not: `models:/m-0123456789abcdef`."""

    model_id: str

    def __str__(self) -> str:
        return f"models:/{self.model_id}"


@dataclass(frozen=True, slots=True)
class RunModel:
    """The model that a run logged under a name: `runs:/RUN_ID/model`; the name may contain `/`."""

    run_id: str
    name: str

    def __str__(self) -> str:
        return f"runs:/{self.run_id}/{self.name}"


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model directory in an object store, without a registry: `s3://bucket/prefix`."""

    uri: str

    def __str__(self) -> str:
        return self.uri


Reference = RegisteredVersion | RegisteredAlias | RegisteredStage | LoggedModel | RunModel | StoredModel
"""Any of the six forms; `str(reference)` is the text it was parsed from."""


def parse_reference(uri: str) -> Reference:
    """Parse a reference.

    Raises:
        InvalidReference: The text has none of the six forms; the message names them.
    """
    if uri != uri.strip() or not uri.isprintable():
        raise _invalid(uri, "has spaces around it or characters that cannot be printed")
    scheme, colon, rest = uri.partition(":/")
    match scheme if colon else "":
        case "models":
            return _registered(uri, rest)
        case "runs":
            return _run(uri, rest)
        case other if other in {kind.scheme for kind in direct_stores()}:
            return _stored(uri, rest)
    schemes = "".join(f" or {kind.scheme}://" for kind in direct_stores())
    raise _invalid(uri, f"does not start with models:/, runs:/{schemes}")


def _registered(uri: str, path: str) -> Reference:
    name, slash, suffix = path.partition("/")
    if slash:
        return _version_or_stage(uri, name, suffix)
    name, at, alias = path.rpartition("@")
    if at:
        _require(uri, bool(name.strip()) and bool(alias.strip()), "names no model or no alias")
        return RegisteredAlias(name, alias)
    _require(uri, path.startswith("m-") and len(path) > len("m-"), "names no version, alias or stage")
    return LoggedModel(path)


def _version_or_stage(uri: str, name: str, suffix: str) -> Reference:
    _require(uri, bool(name.strip()) and bool(suffix.strip()), "names no model or no version")
    _require(uri, "/" not in suffix, "has more parts than a name and a version or stage")
    if re.fullmatch("[0-9]+", suffix):
        fine = suffix[0] != "0" and len(suffix) <= _MOST_DIGITS
        _require(
            uri, fine, f"has a version that is not a whole number from 1 of at most {_MOST_DIGITS} digits"
        )
        return RegisteredVersion(name, int(suffix))
    _require(uri, "@" not in suffix, "gives both a version or stage and an alias")
    return RegisteredStage(name, suffix)


def _run(uri: str, path: str) -> Reference:
    run_id, _, name = path.partition("/")
    parts = name.split("/")
    _require(uri, bool(run_id.strip()) and bool(name.strip()), "names no run or no model in it")
    _require(uri, not {"", ".", ".."} & set(parts), "has an empty part or a dot as a part of its path")
    return RunModel(run_id, name)


def _stored(uri: str, path: str) -> Reference:
    bucket, _, prefix = path.removeprefix("/").partition("/")
    _require(uri, path.startswith("/") and bool(bucket), "names no bucket")
    _require(uri, not {".", ".."} & set(prefix.split("/")), "has a dot as a part of its path")
    return StoredModel(uri)


def _require(uri: str, fine: bool, problem: str) -> None:  # noqa: FBT001  reads as a sentence at each use
    if not fine:
        raise _invalid(uri, problem)


def _invalid(uri: str, problem: str) -> InvalidReference:
    forms = [*_FORMS, *(kind.form for kind in direct_stores())]
    return InvalidReference(
        f"the reference {uri!r} {problem}", cure=f"write {', '.join(forms[:-1])} or {forms[-1]}"
    )
