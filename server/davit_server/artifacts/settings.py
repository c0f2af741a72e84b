"""The settings of `davit fetch`: the only reader of its environment.

Plain dataclasses, unlike those of `serve`: importing pydantic takes longer than fetching a small model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, Self

from davit_registry.authorities import authorities_file
from davit_registry.credentials import Credentials
from davit_registry.s3_options import S3Options

_AWS = {
    "aws_region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    "aws_endpoint_url": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
}
_PATHS = {"fetch_destination", "termination_log"}
_CHOICES = {
    "aws_s3_addressing_style": {"auto", "path", "virtual"},
    "log_level": {"DEBUG", "INFO", "WARNING", "ERROR"},
    "log_format": {"json", "console"},
}


class UnusableEnvironment(Exception):
    """Variables that are missing, or have values that mean nothing.

    Args:
        names: Of the variables.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"missing or unusable in the environment: {', '.join(sorted(names))}")


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """What `davit fetch` honours: `DAVIT_` plus the field's name, and AWS's own names for the store.

    An empty value counts as not set, so that a pod template can always name every variable.
    """

    fetch_location: str
    """Where the model's files are: `mlflow-artifacts:/…` or `s3://…`."""
    fetch_digest: str = ""
    """The digest they must have; anything goes when empty."""
    fetch_destination: Path = Path("/model")
    """Folder to put them into; nothing else may be in it."""

    registry_url: str = ""
    """The MLflow server whose proxy hands out `mlflow-artifacts:` files."""
    registry_username: str = ""
    registry_password: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)
    ca_certificates: str = ""
    """Authorities to trust besides the usual ones, in PEM format; for the registry and the store alike."""

    aws_access_key_id: str = field(default="", repr=False)
    aws_secret_access_key: str = field(default="", repr=False)
    aws_session_token: str = field(default="", repr=False)
    aws_region: str = ""
    aws_endpoint_url: str = ""
    aws_ca_bundle: str = ""
    """A file with the authorities to trust instead, as boto3 has it; for the store alone."""
    aws_s3_addressing_style: Literal["auto", "path", "virtual"] = "auto"
    """Where the bucket's name goes; `auto` means the path where an endpoint is set, else the host."""

    log_level: str = "INFO"
    log_format: str = "json"
    termination_log: Path = Path("/dev/termination-log")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """What the environment says.

        Raises:
            UnusableEnvironment: The location is missing, or a value is none of those that are known.
        """
        found = {one.name: _first(environment, variables(one.name)) for one in fields(cls)}
        given: dict[str, Any] = {name: value for name, value in found.items() if value}
        given["log_level"] = given.get("log_level", "INFO").upper()
        wrong = [name for name, known in _CHOICES.items() if name in given and given[name] not in known]
        if wrong or "fetch_location" not in given:
            missing = [] if "fetch_location" in given else ["fetch_location"]
            raise UnusableEnvironment([variables(name)[0] for name in wrong + missing])
        return cls(**given | {name: Path(given[name]) for name in _PATHS & given.keys()})

    def store_options(self) -> S3Options:
        """Credentials and place of the store."""
        return S3Options(
            access_key_id=self.aws_access_key_id,
            secret_access_key=self.aws_secret_access_key,
            session_token=self.aws_session_token,
            region=self.aws_region,
            endpoint_url=self.aws_endpoint_url,
            ca_bundle=self.aws_ca_bundle or authorities_file(self.ca_certificates),
            addressing=self.aws_s3_addressing_style,
        )

    def registry_credentials(self) -> Credentials | None:
        """What proves us to the registry; None when nothing is set."""
        if not (self.registry_username or self.registry_token):
            return None
        return Credentials(
            username=self.registry_username,
            password=self.registry_password,
            token=self.registry_token,
        )


def variables(name: str) -> tuple[str, ...]:
    """The environment variables that say what a field is, the first one first."""
    if name in _AWS:
        return _AWS[name]
    return (name.upper(),) if name.startswith("aws_") else (f"DAVIT_{name.upper()}",)


def _first(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := environment.get(name))), "")
