"""How the registry and the stores are reached, and with which credentials. Secrets never show in a repr."""

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class RegistryAccess:
    """An MLflow server and what proves us to it; empty strings where there is nothing."""

    url: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    @property
    def has_credentials(self) -> bool:
        """Whether anything is sent to prove us."""
        return bool(self.username or self.token)


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """Credentials of an S3 store, and where it is; empty strings stand for the client's own defaults."""

    access_key_id: str = field(default="", repr=False)
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    region: str = ""
    endpoint_url: str = ""


class Through(Enum):
    """Who reads a model's files, and how."""

    STORE_SECRET = "the store, with the Secret that spec.model.storeSecretName names"  # noqa: S105  no secret
    OPERATOR_STORE = "the store, with the operator's own credentials"
    PROXY = "the artifact proxy of the registry"


@dataclass(frozen=True, slots=True)
class Route:
    """How the files of one model are reached.

    Attributes:
        fetch: Location that the pods read: `mlflow-artifacts:/…` through the proxy or `s3://…` directly.
        listing: Location that the operator lists; the same files.
        through: How the operator lists.
    """

    fetch: str
    listing: str
    through: Through

    @property
    def pods_use_proxy(self) -> bool:
        """Whether the pods read through the registry's artifact proxy, without store credentials."""
        return self.through is not Through.STORE_SECRET
