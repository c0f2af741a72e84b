"""Credentials for an MLflow server."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Self

SECRET_KEYS = ("username", "password", "token")
"""The keys of a registry Secret; each is a field of `RegistryLogin`."""
REQUIRED_KEYS = (("token",), ("username", "password"))
"""A registry Secret needs all keys of one of these."""
_PREFIX = "DAVIT_REGISTRY_"


@dataclass(frozen=True, slots=True)
class RegistryLogin:
    """An MLflow server and the credentials for it: a user and password, or a bearer token, or none.

    Line ends around credentials are dropped: a Secret made from a file has one, and no header can hold it.

    Attributes:
        url: Its base URL, as `MLFLOW_TRACKING_URI` has it; a user and password in it are used.
    """

    url: str = ""
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        for name in SECRET_KEYS:
            object.__setattr__(self, name, getattr(self, name).strip("\r\n"))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], prefix: str = _PREFIX) -> Self:
        """Read the environment variables that begin with a prefix."""
        return cls(**{name: environment.get(prefix + name.upper(), "") for name in ("url", *SECRET_KEYS)})

    def environment(self) -> dict[str, str]:
        """Return the environment variables from which `from_environment` reads this login."""
        return {variable(name): value for name, value in asdict(self).items() if value}

    @property
    def has_credentials(self) -> bool:
        """Whether there is a user or a token."""
        return bool(self.username or self.token)

    def headers(self) -> dict[str, str]:
        """Return the `Authorization` header; none for a server that requires no credentials."""
        if self.username:
            login = b64encode(f"{self.username}:{self.password}".encode()).decode()
            return {"Authorization": f"Basic {login}"}
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def variable(name: str) -> str:
    """Return the environment variable for a field of `RegistryLogin`."""
    return _PREFIX + name.upper()
