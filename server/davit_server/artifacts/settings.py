"""The settings of `davit fetch` from its environment; what the stores read of it stands in their table.

Plain dataclasses, unlike those of `serve`: importing pydantic takes longer than fetching a small model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from davit_registry.ca_certificates import write_ca_file
from davit_registry.stores.source import StoreAccess
from davit_registry.stores.table import read_environment

_PATHS = {"fetch_destination", "termination_log"}
_CHOICES = {
    "log_level": {"DEBUG", "INFO", "WARNING", "ERROR"},
    "log_format": {"json", "console"},
}


class UnusableEnvironment(Exception):
    """Variables that are missing or have invalid values.

    Args:
        names: Of the variables.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"missing or unusable in the environment: {', '.join(sorted(names))}")


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What `davit fetch` reads: `DAVIT_` plus the field's name, and the variables of the stores.

    An empty value counts as not set, so that a pod template can always name every variable.
    """

    fetch_location: str
    """Where the model's files are, in one of the stores of `davit_registry.stores.table`."""
    fetch_digest: str = ""
    """The digest they must have; any when empty."""
    fetch_destination: Path = Path("/model")
    """Folder to put them into; nothing else may be in it."""
    ca_certificates: str = ""
    """CA certificates to trust besides the system's, in PEM format; for the registry and the store alike."""
    log_level: str = "INFO"
    log_format: str = "json"
    termination_log: Path = Path("/dev/termination-log")

    store_variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Addresses and credentials of stores and registry, by the variables that the stores' rows name."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the environment.

        Raises:
            UnusableEnvironment: The location is missing, or a value is not one of the known ones.
        """
        given: dict[str, Any] = {
            name: value for name in cls.names() if (value := environment.get(variable(name)))
        }
        given["log_level"] = given.get("log_level", "INFO").upper()
        wrong = [name for name, known in _CHOICES.items() if name in given and given[name] not in known]
        missing = [] if "fetch_location" in given else ["fetch_location"]
        if wrong or missing:
            raise UnusableEnvironment([variable(name) for name in wrong + missing])
        paths = {name: Path(given[name]) for name in _PATHS & given.keys()}
        return cls(**given | paths, store_variables=read_environment(environment))

    @classmethod
    def names(cls) -> list[str]:
        """List the fields that have a variable of their own."""
        return [one.name for one in fields(cls) if one.name != "store_variables"]

    @property
    def ca_file(self) -> str:
        """Path of a file with the CA certificates to trust; empty for the system's."""
        return write_ca_file(self.ca_certificates)

    def store_access(self) -> StoreAccess:
        """Return how the store is reached."""
        return StoreAccess(self.store_variables, self.ca_file)


def variable(name: str) -> str:
    """Return the environment variable for a field."""
    return f"DAVIT_{name.upper()}"
