"""The operator's settings from its environment; what the stores read of it stands in their table."""

from datetime import timedelta
from typing import Annotated, Literal

from davit_registry.stores.table import direct_stores
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from davit_operator import __version__

Level = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda value: value.upper() if isinstance(value, str) else value),
]
Names = Annotated[
    tuple[str, ...],
    NoDecode,
    BeforeValidator(
        lambda value: (
            [name for part in value.split(",") if (name := part.strip())] if isinstance(value, str) else value
        )
    ),
]


def _without_credentials(url: str) -> str:
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise ValueError(
            "has credentials, and the URL is shown in the status of every ModelDeployment: put them into "
            "DAVIT_REGISTRY_USERNAME and DAVIT_REGISTRY_PASSWORD, or DAVIT_REGISTRY_TOKEN"
        )
    return url


_SCHEMES = "|".join(kind.scheme for kind in direct_stores())
_DESTINATION = rf"^(({_SCHEMES})://[^/]+(/.*)?)?$"


class Settings(BaseSettings):
    """What the operator honours; each field is `DAVIT_` plus its name in the environment."""

    model_config = SettingsConfigDict(
        env_prefix="DAVIT_",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        protected_namespaces=(),
        hide_input_in_errors=True,
    )

    registry_url: Annotated[str, AfterValidator(_without_credentials)] = ""
    """The MLflow server of ModelDeployments that name none; also the address at which pods reach it."""
    registry_username: str = ""
    registry_password: SecretStr = SecretStr("")
    registry_token: SecretStr = SecretStr("")
    ca_certificates: str = Field("", max_length=64 << 10)
    """CA certificates to trust besides the system's, in PEM format, for registry and store, here and in pods.
    They stand in the template of every pod, hence the limit in bytes."""

    webhook_secret: SecretStr = SecretStr("")
    """The key with which the registry signs its webhook; without it aliases are only polled."""
    webhook_url: str = Field("", pattern=r"^(https?://[^/]+/.+)?$")
    """Where the registry reaches this operator's receiver; it ends in `/mlflow`."""
    webhook_port: int = Field(8081, ge=0, le=65535)
    """Port of the receiver."""

    artifacts_destination: str = Field("", pattern=_DESTINATION)
    """The store behind the registry's artifact proxy; lets the operator list files without the proxy."""

    server_image: str = f"davit.dev/server:{__version__}"
    """Image of pods whose ModelDeployment names none."""
    server_image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = "IfNotPresent"
    runtimes_file: str = ""
    """A JSON file with the manifests of images, which models are compared with before their pods start."""

    resolve_interval_seconds: float = Field(30, ge=1, le=86400)
    """How often each distinct reference is resolved."""
    watch_namespaces: Names = ()
    """Namespaces to watch; empty for all."""

    log_level: Level = "INFO"
    log_format: Literal["json", "console"] = "json"
    http_port: int = Field(8080, ge=0, le=65535)
    """Port of /healthz, /readyz and /metrics."""

    @property
    def resolve_interval(self) -> timedelta:
        """How often each distinct reference is resolved."""
        return timedelta(seconds=self.resolve_interval_seconds)
