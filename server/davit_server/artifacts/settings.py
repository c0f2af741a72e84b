"""The settings of `davit fetch`: the only reader of its environment."""

from pathlib import Path
from typing import Literal

from davit_registry.credentials import Credentials
from davit_registry.s3_options import S3Options
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from davit_server.settings import Level

_NOTHING = SecretStr("")


class FetchSettings(BaseSettings):
    """What `davit fetch` honours: `DAVIT_` plus the field's name, and AWS's own names for the store.

    An empty value counts as not set, so that a pod template can always name every variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="DAVIT_", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    fetch_location: str
    """Where the model's files are: `mlflow-artifacts:/…` or `s3://…`."""
    fetch_digest: str = ""
    """The digest they must have; anything goes when empty."""
    fetch_destination: Path = Path("/model")
    """Folder to put them into; nothing else may be in it."""

    registry_url: str = ""
    """The MLflow server whose proxy hands out `mlflow-artifacts:` files."""
    registry_username: str = ""
    registry_password: SecretStr = _NOTHING
    registry_token: SecretStr = _NOTHING
    registry_ca_file: str = ""
    """Authorities to trust besides the usual ones, for the registry and for presigned URLs."""

    aws_access_key_id: SecretStr = Field(_NOTHING, validation_alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr = Field(_NOTHING, validation_alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr = Field(_NOTHING, validation_alias="AWS_SESSION_TOKEN")
    aws_region: str = Field("", validation_alias=AliasChoices("AWS_REGION", "AWS_DEFAULT_REGION"))
    aws_endpoint_url: str = Field(
        "", validation_alias=AliasChoices("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    )
    aws_ca_bundle: str = Field("", validation_alias="AWS_CA_BUNDLE")
    """Authorities to trust, as boto3 has it."""
    aws_s3_addressing_style: Literal["auto", "path", "virtual"] = Field(
        "auto", validation_alias="AWS_S3_ADDRESSING_STYLE"
    )
    """Where the bucket's name goes; `auto` means the path where an endpoint is set, else the host."""

    log_level: Level = "INFO"
    log_format: Literal["json", "console"] = "json"
    termination_log: Path = Path("/dev/termination-log")

    def store_options(self) -> S3Options:
        """Credentials and place of the store."""
        return S3Options(
            access_key_id=self.aws_access_key_id.get_secret_value(),
            secret_access_key=self.aws_secret_access_key.get_secret_value(),
            session_token=self.aws_session_token.get_secret_value(),
            region=self.aws_region,
            endpoint_url=self.aws_endpoint_url,
            ca_bundle=self.aws_ca_bundle,
            addressing=self.aws_s3_addressing_style,
        )

    def registry_credentials(self) -> Credentials | None:
        """What proves us to the registry; None when nothing is set."""
        if not (self.registry_username or self.registry_token.get_secret_value()):
            return None
        return Credentials(
            username=self.registry_username,
            password=self.registry_password.get_secret_value(),
            token=self.registry_token.get_secret_value(),
        )
