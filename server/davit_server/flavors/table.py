"""The known flavors, one a row.

A new flavor is one row. A new fast path is one file, and its name in the rows of the flavors that it serves.

Nothing is known about models of other flavors: they are called through unchanged pyfunc, one request at a
time.
"""

from davit_server.flavors.boosters import tree_predictor
from davit_server.flavors.flavor import ANY_PLAN, FastPath, Flavor
from davit_server.flavors.independence import by_estimator, by_graph
from davit_server.flavors.linear import linear_predictor
from davit_server.flavors.onnx import converted
from davit_server.flavors.sklearn import sklearn_predictor
from davit_server.flavors.trust import library_code, library_parts
from davit_server.runtimes.batch_predictors import unenforced_predictor
from davit_server.runtimes.pyfunc import PyfuncModel

FORMULA = FastPath("native formula", linear_predictor)
TREES = FastPath("native trees", tree_predictor)
ESTIMATOR = FastPath("native estimator", sklearn_predictor)
DIRECT = FastPath("pyfunc without schema enforcement", unenforced_predictor, plans=ANY_PLAN)

WAITING_CALLS = 32
"""Most calls at one time of code that may wait, for a service for example."""

FLAVORS: tuple[Flavor, ...] = (
    # loader, fast paths, only computes?, calls at a time, independent rows?, as an ONNX graph
    #
    # These compute: a second call at the same time would only compete with the first.
    Flavor("mlflow.sklearn", (FORMULA, TREES, ESTIMATOR, DIRECT), library_parts, 1, by_estimator, converted),
    Flavor("mlflow.lightgbm", (TREES, DIRECT), library_code, 1, by_estimator, converted),
    Flavor("mlflow.xgboost", (TREES, DIRECT), library_code, 1, by_estimator, converted),
    Flavor("mlflow.catboost", (DIRECT,), library_code, 1, by_estimator),
    Flavor("mlflow.onnx", (DIRECT,), library_code, 1, by_graph),
    # These are not thread-safe.
    Flavor("mlflow.statsmodels", (DIRECT,), library_code),  # state-space models change while they predict
    Flavor("mlflow.diviner"),  # Prophet and pmdarima inside
    Flavor("mlflow.keras"),  # Model.predict builds and caches its function
    Flavor("mlflow.pmdarima"),  # statsmodels inside
    Flavor("mlflow.prophet"),  # keeps the frame that it predicts on
    Flavor("mlflow.sentence_transformers"),  # fast tokenizers refuse a second caller ("Already borrowed")
    Flavor("mlflow.spacy"),  # the vocabulary grows while texts are read
    Flavor("mlflow.tensorflow"),  # as keras
    Flavor("mlflow.transformers"),  # as sentence_transformers
)

UNKNOWN = Flavor("", concurrency=WAITING_CALLS)
"""A model in its author's own code counts as thread-safe, as it does for `mlflow models serve`."""


def flavor_of(model: PyfuncModel) -> Flavor:
    """Return the row of a model's flavor, or that of unknown ones.

    Args:
        model: The loaded model.
    """
    return next((row for row in FLAVORS if row.loader == model.facts.flavor), UNKNOWN)
