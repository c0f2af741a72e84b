"""The pin: what a reference resolved to and the digest of its files, immutable."""

import hashlib
from dataclasses import dataclass

from davit_registry.resolved import ResolvedModel


@dataclass(frozen=True, slots=True)
class Pin:
    """A resolved model and the digest of its files.

    Attributes:
        source: What the reference resolved to.
        digest: Two pods with one digest run the same bytes where `integrity` is `Content`.
        integrity: What the digest proves: `Content`, `Listing` (paths and sizes), or empty when not known.
    """

    source: ResolvedModel
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
