"""Flavors whose models must not predict in two threads at once."""

_NOT_THREAD_SAFE = frozenset(
    f"mlflow.{name}"
    for name in (
        "diviner",  # Prophet and pmdarima inside
        "keras",  # Model.predict builds and caches its function
        "pmdarima",  # statsmodels inside
        "prophet",  # keeps the frame that it predicts on
        "sentence_transformers",  # fast tokenizers refuse a second caller ("Already borrowed")
        "spacy",  # the vocabulary grows while texts are read
        "statsmodels",  # state-space models change their own state while they predict
        "tensorflow",  # as keras
        "transformers",  # as sentence_transformers
    )
)


def thread_safe(flavor: str) -> bool:
    """Return whether models of a flavor may predict in several threads at once.

    A model in the author's own code counts as safe, as it does for `mlflow models serve`.

    Args:
        flavor: The `loader_module` of the python_function flavor.
    """
    return flavor not in _NOT_THREAD_SAFE
