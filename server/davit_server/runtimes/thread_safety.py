"""How many calls of a model may run at the same time, as far as its flavor tells."""

_COMPUTE = frozenset(f"mlflow.{name}" for name in ("catboost", "lightgbm", "onnx", "sklearn", "xgboost"))
"""Flavors that compute: a second call at the same time would only compete with the first."""

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

WAITING_CALLS = 32
"""Calls of code that may wait for a service, say."""


def usual_concurrency(flavor: str) -> int:
    """Return how many calls of a flavor's models may run at the same time unless a setting says otherwise.

    A model in the author's own code counts as thread-safe, as it does for `mlflow models serve`.

    Args:
        flavor: The `loader_module` of the python_function flavor.
    """
    return 1 if flavor in _COMPUTE | _NOT_THREAD_SAFE else WAITING_CALLS
