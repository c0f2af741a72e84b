"""Only code that is known to compute, and nothing else, may run in the event loop."""

import numpy as np
import pytest
from davit_server.flavors.table import UNKNOWN
from davit_server.flavors.trust import made_of_library_parts
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler


class OwnEstimator(LogisticRegression):
    """Could do anything in predict."""


def own_function(values):
    return values


LIBRARY = [
    LogisticRegression(),
    RandomForestClassifier(),
    make_pipeline(StandardScaler(), LogisticRegression()),
    make_pipeline(ColumnTransformer([("a", StandardScaler(), ["x"])]), LogisticRegression()),
    make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()),
]
OWN = [
    OwnEstimator(),
    make_pipeline(StandardScaler(), OwnEstimator()),
    make_pipeline(FunctionTransformer(own_function), LogisticRegression()),
    make_pipeline(ColumnTransformer([("a", FunctionTransformer(own_function), ["x"])]), LogisticRegression()),
    object(),
]


@pytest.mark.parametrize("estimator", LIBRARY, ids=str)
def test_library_estimators_are_known_to_only_compute(estimator):
    assert made_of_library_parts(estimator)


@pytest.mark.parametrize("estimator", OWN, ids=lambda estimator: type(estimator).__name__)
def test_custom_estimators_are_not_trusted(estimator):
    assert not made_of_library_parts(estimator)


def test_models_of_a_flavor_without_a_row_count_as_custom_code():
    assert not UNKNOWN.only_computes(None)
