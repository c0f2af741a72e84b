"""The pin: what a reference resolved to, immutable."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Source:
    """A reference resolved to names and a place, before its files were looked at.

    Attributes:
        uri: The reference as written.
        registry: URL of the MLflow server that resolved it; empty for `s3://`.
        location: Where the files are: `mlflow-artifacts:/…` or `s3://…`.
        name: Registered model, if it is one.
        version: Its version.
        run_id: The run that made it, where the registry says.
        model_id: Identifier of the logged model, where the registry says.
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


@dataclass(frozen=True, slots=True)
class Pin:
    """A source and the digest of its files.

    Attributes:
        source: What the reference resolved to.
        digest: Two pods with one digest run the same bytes where `integrity` is `Content`.
        integrity: What the digest proves: `Content`, `Listing` (paths and sizes), or empty when not known.
    """

    source: Source
    digest: str
    integrity: str = ""

    @property
    def label(self) -> str:
        """A short name that never moves, for people: `iris/3`, `m-…`, or the beginning of the digest."""
        source = self.source
        if source.name and source.version:
            return f"{source.name}/{source.version}"
        return source.model_id or self.digest[: len("sha256:") + 12]

    @property
    def fingerprint(self) -> str:
        """Ten characters that stand for this model and this digest; fits a label."""
        text = "\0".join((*self.source.identity, self.digest))
        return hashlib.sha256(text.encode()).hexdigest()[:10]

    def same_model(self, other: "Pin | None") -> bool:
        """Whether both name the same model with the same digest, by whatever reference."""
        return other is not None and other.fingerprint == self.fingerprint
