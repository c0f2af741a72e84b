"""How grave a difference is: a table, for each kind of package, by how far the versions are apart."""

from __future__ import annotations

import enum
from typing import NamedTuple


class Severity(enum.Enum):
    """What a difference between model and image means."""

    NOTE = "note"
    """Known not to matter, or listed for completeness."""
    WARN = "warn"
    """Often works. Used where no better image can be had."""
    REFUSE = "refuse"
    """Known to fail, or to answer differently."""

    @property
    def gravity(self) -> int:
        """Higher is worse."""
        return list(Severity).index(self)


_NOTE, _WARN, _REFUSE = Severity


class Severities(NamedTuple):
    """One severity for each level at which two versions first differ."""

    major: Severity
    minor: Severity
    patch: Severity


class Row(NamedTuple):
    """How far the image's version may be from the model's.

    Attributes:
        packages: Normalised names; empty in the row for all others.
        older: The image's version is the older one.
        newer: The image's version is the newer one.
        absent: The image does not have the package.
        unmet: A range that the model states does not contain the image's version.
    """

    packages: frozenset[str]
    older: Severities
    newer: Severities
    absent: Severity = _REFUSE
    unmet: Severity = _REFUSE


UNREAD = Row(
    frozenset(
        {
            *("packaging", "psutil", "typing-extensions"),  # used by mlflow itself, which brings its own
            *("pip", "setuptools", "wheel"),  # used by installers
            *("certifi", "tzdata"),  # data, newer is better
            *("pytest", "rich"),  # on the lists of skops models: importing skops imports them where they are
        }
    ),
    older=Severities(_NOTE, _NOTE, _NOTE),
    newer=Severities(_NOTE, _NOTE, _NOTE),
    absent=_NOTE,
    unmet=_NOTE,
)
"""What predicting never reads."""

ESTIMATORS = Row(
    frozenset({"scikit-learn", "skops"}),
    older=Severities(_REFUSE, _REFUSE, _NOTE),
    newer=Severities(_REFUSE, _REFUSE, _NOTE),
)
"""Saved objects have private attributes: imputers of 1.7 fail in 1.8, boosting of 1.8 in 1.9."""

ARRAYS = Row(
    frozenset({"numpy", "pandas"}),
    older=Severities(_REFUSE, _WARN, _NOTE),
    newer=Severities(_NOTE, _NOTE, _NOTE),
)
"""Arrays and tables are read by later versions; numpy 1.23 does not read the random generators of 1.26."""

PICKLED_ARRAYS = ARRAYS._replace(newer=Severities(_WARN, _NOTE, _NOTE))
"""The same where files of the model are pickles."""

FRAMEWORKS = Row(
    frozenset(
        {
            *("torch", "tensorflow", "tensorflow-cpu", "keras"),
            *("xgboost", "xgboost-cpu", "lightgbm", "catboost", "onnxruntime", "onnxruntime-gpu"),
        }
    ),
    older=Severities(_REFUSE, _REFUSE, _NOTE),
    newer=Severities(_REFUSE, _WARN, _NOTE),
)
"""Formats of files that only grow: a newer version reads what an older one wrote."""

MLFLOW = Row(
    frozenset({"mlflow", "mlflow-skinny"}),
    older=Severities(_REFUSE, _REFUSE, _NOTE),
    newer=Severities(_NOTE, _NOTE, _NOTE),
)
"""A newer MLflow reads the models of all before it."""

PICKLERS = Row(
    frozenset({"cloudpickle"}),
    older=Severities(_REFUSE, _WARN, _NOTE),
    newer=Severities(_WARN, _NOTE, _NOTE),
)
"""cloudpickle 3 reads what 2 wrote, and 2 does not read what 3 wrote. Python is compared by itself."""

OTHERS = Row(
    frozenset(),
    older=Severities(_REFUSE, _WARN, _NOTE),
    newer=Severities(_REFUSE, _WARN, _NOTE),
)
"""Any other package."""

ROWS = (UNREAD, ESTIMATORS, ARRAYS, FRAMEWORKS, MLFLOW, PICKLERS)

SAME_PACKAGE = (
    frozenset({"mlflow", "mlflow-skinny"}),
    frozenset({"onnxruntime", "onnxruntime-gpu"}),
    frozenset({"tensorflow", "tensorflow-cpu"}),
    frozenset({"xgboost", "xgboost-cpu"}),
)
"""Distributions that have one importable package in several builds: each stands for the others."""


def row_of(package: str, *, pickled: bool) -> Row:
    """Find the row for a package.

    Args:
        package: Its normalised name.
        pickled: Whether any file of the model is a pickle.
    """
    row = next((row for row in ROWS if package in row.packages), OTHERS)
    return PICKLED_ARRAYS if row is ARRAYS and pickled else row


def names_of(package: str) -> tuple[str, ...]:
    """List the distributions that provide a package; its own name first."""
    others = (same - {package} for same in SAME_PACKAGE if package in same)
    return (package, *(name for names in others for name in sorted(names)))


PYTHON_MINOR_BY_VALUE = _REFUSE
"""Bytecode of one minor version of Python crashes, or fails, in another."""
PYTHON_MINOR = _WARN
PYTHON_PATCH = _NOTE
PYTHON_UNKNOWN = _NOTE
EXTRA = _NOTE
PLATFORM = _WARN
"""Wheels collected on another machine."""
LIBRARY = {True: _REFUSE, False: _WARN}
"""A missing shared library: by whether the package's main library needs it, or only a plugin."""
