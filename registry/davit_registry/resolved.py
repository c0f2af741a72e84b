"""What a reference resolved to: names and a place, before its files were read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResolvedModel:
    """What a reference names at one moment; empty strings where MLflow knows nothing.

    Attributes:
        uri: The reference as written.
        registry: URL of the MLflow server that resolved it; empty for a location in a store.
        location: Where the files are: `mlflow-artifacts:/…`, `s3://…` or another store's URI.
        name: Registered model, when the reference goes through one.
        version: Its version.
        run_id: The run that made it.
        model_id: Identifier of the logged model (MLflow 3).
    """

    uri: str
    registry: str
    location: str
    name: str = ""
    version: str = ""
    run_id: str = ""
    model_id: str = ""

    @property
    def immutable_uri(self) -> str:
        """A reference to the same model that never moves.

        The pods get this one, so that another alias of the same version restarts nothing.
        """
        if self.name and self.version:
            return f"models:/{self.name}/{self.version}"
        return f"models:/{self.model_id}" if self.model_id else self.uri

    @property
    def identity(self) -> tuple[str, ...]:
        """Equal for two references that name the same model; the reference itself is no part of it."""
        return (self.name, self.version, self.run_id, self.model_id, self.location)
