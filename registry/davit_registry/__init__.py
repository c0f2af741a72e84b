"""Reading an MLflow registry and its stores: references, pins and digests. Never imports mlflow."""

from davit_registry.errors import Denied, InvalidReference, NotFound, RegistryError, Unavailable
from davit_registry.listing import File, digest_of
from davit_registry.reference import (
    LoggedModel,
    Reference,
    RegisteredAlias,
    RegisteredStage,
    RegisteredVersion,
    RunModel,
    StoredModel,
    parse_reference,
)

__all__ = [
    "Denied",
    "File",
    "InvalidReference",
    "LoggedModel",
    "NotFound",
    "Reference",
    "RegisteredAlias",
    "RegisteredStage",
    "RegisteredVersion",
    "RegistryError",
    "RunModel",
    "StoredModel",
    "Unavailable",
    "digest_of",
    "parse_reference",
]
