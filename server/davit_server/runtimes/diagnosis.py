"""Explain why a model does not load: stage, reason, cause and cure."""

import errno
import platform
import re
import resource
import traceback
from pathlib import Path

from davit_server.errors import ModelRejected
from davit_server.runtimes.differences import with_differences

_DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python",
    "PIL": "pillow",
    "yaml": "PyYAML",
    "skimage": "scikit-image",
    "google": "protobuf",
}
"""Import names that differ from the names of distributions."""

_UNPICKLING = ("UnpicklingError", "UntrustedTypesFoundException", "AttributeError", "EOFError")


def require_model_folder(path: Path) -> None:
    """Refuse a folder that holds no model before anything is imported.

    Raises:
        ModelRejected: The folder does not exist or has no MLmodel file.
    """
    if (path / "MLmodel").is_file():
        return
    found = "is not a folder" if not path.is_dir() else "holds no MLmodel file"
    raise ModelRejected(
        "load",
        "NotAModel",
        f"{path} {found}.",
        "Point the reference at the folder that `mlflow.<flavor>.log_model` made.",
    )


def explain_load_failure(failure: Exception, path: Path) -> ModelRejected:
    """Return the rejection for an exception raised while loading.

    Args:
        failure: The exception raised while loading.
        path: The model's folder, read for its requirements and Python version.

    Returns:
        The rejection. In an image with a manifest, its cause also names the gravest differences from what the
        model says, unless the failure itself says what is missing.
    """
    if isinstance(failure, MemoryError):
        return out_of_memory("load", path)
    if isinstance(failure, OSError) and failure.errno == errno.ENOSPC:
        return ModelRejected(
            "load",
            "DiskFull",
            "No space left on the disk while loading.",
            "Give /tmp or the volume more space.",
        )
    if isinstance(failure, ModuleNotFoundError) and failure.name:
        return _missing_library(failure.name, path)
    if wrong := _wrong_python(path, failure):
        return wrong
    if isinstance(failure, ImportError):
        broken = ModelRejected(
            "load",
            "BrokenLibrary",
            f"Importing what the model needs failed: {_first_line(failure)}.",
            "Install the versions in the model's requirements.txt.",
        )
        return with_differences(broken, path)
    return with_differences(_other(failure), path)


def explain_exit(failure: BaseException, stage: str) -> ModelRejected:
    """Return the rejection for an exit that is not an error: `sys.exit`, a cancellation.

    Args:
        failure: A `BaseException` that is not an `Exception`.
        stage: `load` or `smoke-test`.
    """
    during = "while loading" if stage == "load" else "in the smoke test"
    if isinstance(failure, SystemExit):
        code = "" if failure.code is None else repr(failure.code)[:300]
        return ModelRejected(
            stage,
            "ExitedWhileLoading" if stage == "load" else "ExitedInSmokeTest",
            f"The model's code called sys.exit({code}) {during}{_place(failure)}.",
            "Let the code raise an exception that says what is missing, instead of ending the process.",
        )
    text = _first_line(failure)
    return ModelRejected(
        stage,
        "InterruptedWhileLoading" if stage == "load" else "InterruptedInSmokeTest",
        f"{type(failure).__name__} was raised {during}{_place(failure)}{': ' if text else ''}{text}.",
        "Let the model's code catch it there; it is meant to end a program or a task.",
    )


def _place(failure: BaseException) -> str:
    """Return where an exception was raised, as ` (file:line)`; empty when not in Python code."""
    calls = traceback.extract_tb(failure.__traceback__)
    return f" ({calls[-1].filename}:{calls[-1].lineno})" if calls else ""


def out_of_memory(stage: str, path: Path) -> ModelRejected:
    """Return the rejection for a model that does not fit into memory."""
    limit = memory_limit()
    allowed = f"the limit is {limit // 2**20} MiB" if limit else "there is no limit but the machine's"
    return ModelRejected(
        stage,
        "OutOfMemory",
        f"Memory ran out (the model's files have {folder_size(path) // 2**20} MiB; {allowed}).",
        "Raise spec.resources.limits.memory, or make the model smaller.",
    )


def folder_size(path: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def memory_limit() -> int | None:
    """Return the bytes that the control group, else this process, may use; None without a limit."""
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdigit() and int(text) < 2**60:
            return int(text)
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return soft if soft != resource.RLIM_INFINITY else None


def model_python(path: Path) -> str:
    """Return the Python version that the model was logged with, as `3.11`; empty when it is not recorded."""
    try:
        text = (path / "MLmodel").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(r"^\s+python_version: ['\"]?(\d+\.\d+)", text, re.MULTILINE)
    return found.group(1) if found else ""


def _missing_library(module: str, path: Path) -> ModelRejected:
    """Return the rejection that names the library and the version that the model requires."""
    top = module.partition(".")[0]
    requirement = _requirement_for(_DISTRIBUTIONS.get(top, top), path)
    return ModelRejected(
        "load",
        "MissingLibrary",
        f"The model needs the library '{top}', which is not installed here.",
        f"Build a server image with it (pip install '{requirement}') and name it in spec.image; "
        "on a laptop, install it beside Davit.",
    )


def _requirement_for(distribution: str, path: Path) -> str:
    """Return the line of the model's requirements.txt for a library; else the library's name."""

    def plain(name: str) -> str:
        return re.sub(r"[-_.]+", "-", name).lower()

    try:
        lines = (path / "requirements.txt").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return distribution
    for line in lines:
        name = re.match(r"[A-Za-z0-9._-]+", line.strip())
        if name and plain(name.group(0)) == plain(distribution):
            return line.strip()
    return distribution


def _wrong_python(path: Path, failure: BaseException) -> ModelRejected | None:
    """Return a rejection if the model was logged with another Python, which is the likeliest cause."""
    theirs, ours = model_python(path), ".".join(platform.python_version_tuple()[:2])
    if not theirs or theirs == ours:
        return None
    return ModelRejected(
        "load",
        "WrongPython",
        f"The model was logged with Python {theirs}, this server runs {ours}; "
        f"loading failed with {type(failure).__name__}.",
        f"Use a server image with Python {theirs}, or log the model again with Python {ours}.",
    )


def _other(failure: BaseException) -> ModelRejected:
    """Explain a damaged pickle, a moved class, a missing python_function flavor, or the model's own error."""
    kind, text = type(failure).__name__, _first_line(failure)
    if "python_function" in text:
        return ModelRejected(
            "load",
            "UnsupportedFlavor",
            "The model has no python_function flavor.",
            "Log it with a flavor that MLflow can serve (`mlflow models serve` would refuse it too).",
        )
    if kind in _UNPICKLING or "pickle" in text.lower():
        return ModelRejected(
            "load",
            "UnpicklingFailed",
            f"The model's file cannot be read back: {kind}: {text}.",
            "Check that library versions here match the model's requirements.txt and that the file is whole.",
        )
    return ModelRejected(
        "load",
        "LoadFailed",
        f"The model's own code failed while loading: {kind}: {text}.",
        "Load it with `mlflow.pyfunc.load_model` in the same environment to see the whole trace.",
    )


def _first_line(failure: BaseException) -> str:
    """Return the first line of an exception's message, short enough for a condition."""
    lines = str(failure).strip().splitlines() or [""]
    return lines[0][:300].rstrip(".")
