"""The settings of `davit fetch`: the only reader of its environment."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from davit_server.settings import Level


class FetchSettings(BaseSettings):
    """What `davit fetch` honours: `DAVIT_` plus the field's name, and AWS's own names for the store."""

    model_config = SettingsConfigDict(
        env_prefix="DAVIT_", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    fetch_location: str
    """Where the model's files are: `mlflow-artifacts:/…` or `s3://…`."""
    fetch_digest: str = ""
    """The digest they must have; anything goes when empty."""
    fetch_destination: Path = Path("/model")
    """Folder to put them into."""

    registry_url: str = ""
    """The MLflow server whose proxy hands out `mlflow-artifacts:` files."""
    registry_username: str = ""
    registry_password: SecretStr = SecretStr("")
    registry_token: SecretStr = SecretStr("")
    registry_ca_file: str = ""
    """Certificates to trust for it instead of the system's."""

    aws_access_key_id: SecretStr = Field(SecretStr(""), validation_alias="AWS_ACCESS_KEY_ID")
    aws_secret_access_key: SecretStr = Field(SecretStr(""), validation_alias="AWS_SECRET_ACCESS_KEY")
    aws_session_token: SecretStr = Field(SecretStr(""), validation_alias="AWS_SESSION_TOKEN")
    aws_region: str = Field("", validation_alias="AWS_REGION")
    aws_endpoint_url: str = Field("", validation_alias="AWS_ENDPOINT_URL")
    aws_ca_bundle: str = Field("", validation_alias="AWS_CA_BUNDLE")

    log_level: Level = "INFO"
    log_format: str = "json"
    termination_log: Path = Path("/dev/termination-log")
