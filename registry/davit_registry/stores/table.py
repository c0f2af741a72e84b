"""The kinds of stores that models can be in, one row each.

A store of another kind is one module and one row here. Operator and server read everything they know of a
kind from its row. The module, which may import a heavy client library, is imported when a location is opened.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module

from davit_registry import login
from davit_registry.errors import UnsupportedStore
from davit_registry.stores.source import Source, StoreAccess


@dataclass(frozen=True, slots=True)
class StoreKind:
    """One row.

    Attributes:
        scheme: What its locations begin with.
        form: How a location is written.
        module: Its module, with `open_source(location, access)`, which returns a `Source`.
        secret_keys: The keys of the Secret with its credentials, and the environment variable of the `fetch`
            container that takes the value of each.
        required_keys: The Secret needs all keys of one of these.
        fixed_variables: Environment variables of `fetch` that are the same in every pod.
        process_variables: Further environment variables that the module reads from `StoreAccess.values`.
            Only a process's own environment gives them, never a Secret: they may name files.
        ca_file_variable: The one of them that names a file of CA certificates.
        behind_registry: Whether the MLflow server hands out the files, so that the credentials are those
            for the server: the Secret is `spec.model.registry.secretName`, else `spec.model.storeSecretName`.
    """

    scheme: str
    form: str
    module: str
    secret_keys: Mapping[str, str]
    required_keys: tuple[tuple[str, ...], ...]
    fixed_variables: Mapping[str, str] = field(default_factory=dict)
    process_variables: tuple[str, ...] = ()
    ca_file_variable: str = ""
    behind_registry: bool = False

    def is_required(self, key: str) -> bool:
        """Whether every Secret with credentials has this key."""
        return all(key in keys for keys in self.required_keys)

    def read_secret(self, secret: Mapping[str, str]) -> StoreAccess:
        """Read the credentials in a Secret."""
        given = {variable: secret.get(key, "") for key, variable in self.secret_keys.items()}
        return StoreAccess({variable: value for variable, value in given.items() if value}, isolated=True)

    @property
    def variables(self) -> tuple[str, ...]:
        """Every environment variable that the module reads or its client library gets."""
        return (*self.secret_keys.values(), *self.fixed_variables, *self.process_variables)


STORES = (
    StoreKind(
        scheme="s3",
        form="s3://BUCKET/PREFIX",
        module="davit_registry.stores.s3",
        secret_keys={
            name: name
            for name in (
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
                "AWS_REGION",
                "AWS_ENDPOINT_URL",
            )
        },
        required_keys=(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),),
        # Stores other than AWS's own reject the checksums that newer clients send and request by default.
        fixed_variables={
            "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
            "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        },
        process_variables=(
            "AWS_DEFAULT_REGION",
            "AWS_ENDPOINT_URL_S3",
            "MLFLOW_S3_ENDPOINT_URL",
            "AWS_CA_BUNDLE",
            "AWS_S3_ADDRESSING_STYLE",
        ),
        ca_file_variable="AWS_CA_BUNDLE",
    ),
    StoreKind(
        scheme="mlflow-artifacts",
        form="mlflow-artifacts:/PATH",
        module="davit_registry.stores.mlflow_proxy",
        secret_keys={key: login.variable(key) for key in login.SECRET_KEYS},
        required_keys=login.REQUIRED_KEYS,
        process_variables=(login.variable("url"),),
        behind_registry=True,
    ),
)


def direct_stores() -> list[StoreKind]:
    """List the stores that are read without a registry: their locations are references themselves."""
    return [kind for kind in STORES if not kind.behind_registry]


def store_kind(location: str) -> StoreKind:
    """Return the row for a location.

    Raises:
        UnsupportedStore: There is none.
    """
    scheme = location.partition(":")[0]
    for kind in STORES:
        if kind.scheme == scheme:
            return kind
    raise UnsupportedStore(
        f"the files are at {location}, which is none of {', '.join(kind.form for kind in STORES)}"
    )


def open_source(location: str, access: StoreAccess) -> Source:
    """Open a location for listing and signing.

    Raises:
        RegistryError: There is no such store, or its location or settings are invalid.
    """
    source: Source = import_module(store_kind(location).module).open_source(location, access)
    return source


def read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what the stores read of a process's environment; an empty value counts as not set."""
    names = (name for kind in STORES for name in kind.variables)
    return {name: environment[name] for name in names if environment.get(name)}


def ca_files(environment: Mapping[str, str]) -> list[str]:
    """Return the files of CA certificates that variables of the stores name."""
    names = (kind.ca_file_variable for kind in STORES)
    return [environment[name] for name in names if environment.get(name)]
