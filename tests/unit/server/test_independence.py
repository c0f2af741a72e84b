"""Requests share a call only where it is known, part by part, that each row is treated by itself."""

import numpy as np
import pytest
from davit_server.flavors.independence import row_wise_estimator
from hypothesis import given
from hypothesis import strategies as st
from lightgbm import LGBMClassifier
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import NMF, PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, minmax_scale, scale
from sklearn.svm import SVC


class OwnStep(BaseEstimator, TransformerMixin):
    """A custom step: what it does with the rows of a call is unknown."""

    def fit(self, rows, y=None):
        return self

    def transform(self, rows):
        return rows - rows.mean(axis=0)


class OwnForest(RandomForestClassifier):
    """A library's class whose predict the author has replaced."""

    def predict(self, rows):
        return super().predict(rows)[::-1]


class Pipelines(Pipeline):
    """An author's class in a library's place."""


def own_function(values):
    return values


def replaced():
    """A library's object whose predict is an attribute of its own."""
    estimator = LogisticRegression()
    estimator.predict = own_function
    return estimator


def searched(best):
    """A finished search: what it was given is harmless, what it found may not be."""
    search = GridSearchCV(
        make_pipeline(StandardScaler(), LogisticRegression()), {"standardscaler": [OwnStep()]}
    )
    search.best_estimator_ = best
    return search


def fitted_with(estimator, **attributes):
    for name, value in attributes.items():
        setattr(estimator, name, value)
    return estimator


ROW_WISE = [
    LogisticRegression(),
    RandomForestClassifier(),
    SVC(),
    PCA(),
    LGBMClassifier(),
    KNeighborsClassifier(metric="cosine"),
    GaussianProcessRegressor(kernel=RBF() + WhiteKernel()),
    make_pipeline(StandardScaler(), LGBMClassifier()),
    make_pipeline(FunctionTransformer(np.log1p), LinearRegression()),
    make_pipeline(FunctionTransformer(), LinearRegression()),
    make_pipeline(SelectKBest(f_classif, k=1), SVC()),
    make_pipeline(TfidfVectorizer(), LogisticRegression()),
    make_pipeline(ColumnTransformer([("a", OneHotEncoder(dtype=np.float32), ["x"])]), LogisticRegression()),
    FeatureUnion([("a", PCA()), ("b", StandardScaler())]),
    VotingClassifier([("a", LogisticRegression()), ("b", SVC())]),
    StackingClassifier([("a", LogisticRegression())], final_estimator=SVC()),
    TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp),
    MultiOutputRegressor(LinearRegression()),
    searched(make_pipeline(StandardScaler(), LogisticRegression())),
]
UNKNOWN = [
    NMF(),
    DummyClassifier(),
    OwnStep(),
    OwnForest(),
    replaced(),
    object(),
    make_pipeline(OwnStep(), LogisticRegression()),
    make_pipeline(FunctionTransformer(own_function), LogisticRegression()),
    make_pipeline(FunctionTransformer(np.cumsum), LogisticRegression()),
    make_pipeline(FunctionTransformer(scale), LogisticRegression()),
    make_pipeline(FunctionTransformer(lambda values: values), LogisticRegression()),
    make_pipeline(TfidfVectorizer(tokenizer=own_function), LogisticRegression()),
    KNeighborsClassifier(metric=own_function),
    KNeighborsClassifier(weights=np.flip),
    KNeighborsClassifier(weights=minmax_scale),
    make_pipeline(FunctionTransformer(inverse_func=np.sort, func=np.flip), LogisticRegression()),
    SVC(kernel=own_function),
    make_pipeline(make_pipeline(OwnStep()), LogisticRegression()),
    make_pipeline(ColumnTransformer([("a", OwnStep(), ["x"])]), LogisticRegression()),
    FeatureUnion([("a", PCA()), ("b", OwnStep())]),
    VotingClassifier([("a", LogisticRegression()), ("b", OwnForest())]),
    StackingClassifier([("a", LogisticRegression())], final_estimator=OwnForest()),
    TransformedTargetRegressor(LinearRegression(), func=np.sort, inverse_func=np.sort),
    fitted_with(VotingClassifier([("a", LogisticRegression())]), estimators_=[replaced()]),
    fitted_with(ColumnTransformer([("a", PCA(), ["x"])]), transformers_=[("a", OwnStep(), ["x"])]),
    Pipelines([("a", LogisticRegression())]),
    searched(make_pipeline(OwnStep(), LogisticRegression())),
]


@pytest.mark.parametrize("estimator", ROW_WISE, ids=str)
def test_row_wise_library_estimators_are_known(estimator):
    assert row_wise_estimator(estimator)


@pytest.mark.parametrize("estimator", UNKNOWN, ids=lambda estimator: type(estimator).__name__)
def test_one_unknown_estimator_makes_the_pipeline_unknown(estimator):
    assert not row_wise_estimator(estimator)


@st.composite
def nested(draw):
    """Row-wise parts wrapped in each other, and the same with one part of the author's somewhere."""
    made = draw(st.sampled_from([LogisticRegression(), PCA(), StandardScaler()]))
    spoiled = draw(st.sampled_from([OwnStep(), FunctionTransformer(np.cumsum), NMF()]))
    wrappers = [
        lambda part: make_pipeline(StandardScaler(), part),
        lambda part: FeatureUnion([("a", PCA()), ("b", part)]),
        lambda part: ColumnTransformer([("a", part, ["x"])]),
        lambda part: VotingClassifier([("a", part)]),
    ]
    for wrap in draw(st.lists(st.sampled_from(wrappers), min_size=1, max_size=4)):
        made, spoiled = wrap(made), wrap(spoiled)
    return made, spoiled


@given(nested())
def test_a_custom_estimator_is_found_at_any_depth(pair):
    made, spoiled = pair
    assert row_wise_estimator(made)
    assert not row_wise_estimator(spoiled)
