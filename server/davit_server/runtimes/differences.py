"""Name how this image differs from what a model says that it needs: the likeliest cause of a failed load."""

from contextlib import suppress
from pathlib import Path

from davit_server.errors import ModelRejected

MANIFEST = Path("/opt/davit/runtime.json")
"""What this image contains; a laptop has no such file."""
_NAMED = 3


def with_differences(rejection: ModelRejected, folder: Path, manifest: Path = MANIFEST) -> ModelRejected:
    """Add the gravest differences to the cause of a rejection, if there are any.

    Args:
        rejection: Why the model does not load.
        folder: The model's.
        manifest: That of this image.
    """
    differences = list_differences(folder, manifest)
    if not differences:
        return rejection
    more = len(differences) - _NAMED
    named = "; ".join(differences[:_NAMED]) + (f"; and {more} more" if more > 0 else "")
    cause = f"{rejection.cause} The model was logged with other versions: {named}."
    return ModelRejected(rejection.stage, rejection.reason, cause, rejection.cure, rejection.failure)


def list_differences(folder: Path, manifest: Path = MANIFEST) -> list[str]:
    """List what an image with this manifest has otherwise, the gravest first; nothing without a manifest."""
    if not manifest.is_file():
        return []
    # Only a model that fails needs them, and every start would wait for their import.
    from davit_environment.compare import compare
    from davit_environment.manifest import ManifestError, read_manifest
    from davit_environment.need import FILES, read_needs
    from davit_environment.severity import Severity
    from davit_environment.text import MLMODEL_BYTES

    files = {}
    for name in FILES:
        with suppress(OSError), (folder / name).open("rb") as content:
            files[name] = content.read(MLMODEL_BYTES + 1)
    try:
        comparison = compare(read_needs(files), read_manifest(manifest.read_bytes()))
    except (OSError, ManifestError):
        return []
    return [difference.sentence for difference in comparison.of(Severity.REFUSE, Severity.WARN)]
