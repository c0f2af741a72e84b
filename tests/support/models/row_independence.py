"""Models that are and are not row-wise, though most of them look it, with overlapping requests.

Each entry says whether requests may share a call: only where the independence of rows is known of every part
of a library's model, or declared by its author. Code of an author's that nobody vouches for is called alone.
"""

import itertools
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import NMF, PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, minmax_scale, scale
from sklearn.svm import SVC
from support.models.saved import (
    Saver,
    few_rows,
    fitted_iris,
    infer_signature,
    mlflow,
    save_python,
    save_sklearn,
    save_trees,
    saver,
)

DECLARED = {"davit.batching": "Enabled"}
"""What an author writes into a model's metadata to vouch for the independence of its rows."""


@dataclass(frozen=True)
class Entry:
    """A model of the zoo.

    Attributes:
        name: That of its saved folder, for `support.models.saved.model_path`.
        documents: Requests in MLflow's protocol.
        joined: Whether requests are expected to share calls; None where that is up to the processor: sums of
            products may be rounded otherwise when there are more rows, and the answers must not show it.
        repeatable: Whether the same request always has the same answer; else no two calls have the same.
        slow: Whether it repeats another with a further estimator or function.
    """

    name: str
    documents: list[dict[str, Any]]
    joined: bool | None
    repeatable: bool = True
    slow: bool = False


ZOO: dict[str, Entry] = {}


def documents_of(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Twelve requests of one to three rows: overlapping windows, a repeated row, and forms that differ."""
    sizes = itertools.cycle((1, 2, 3, 1))
    windows = [frame.iloc[at : at + size] for at, size in zip(range(0, 22, 2), sizes, strict=False)]
    windows.append(frame.iloc[[3, 3, 3]])
    return [_document(window, at) for at, window in enumerate(windows)]


def _document(window: pd.DataFrame, at: int) -> dict[str, Any]:
    """One request; every fourth as records."""
    rows = window.astype(object).where(window.notna(), None)
    if at % 4 == 3:
        return {"dataframe_records": rows.to_dict("records")}
    return {"dataframe_split": {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}}


def _enter(
    name: str,
    rows: pd.DataFrame | Iterable[dict[str, Any]],
    save: Saver,
    *,
    joined: bool | None,
    **more: bool,
) -> None:
    """Add a model to the zoo."""
    save.__name__ = name
    documents = documents_of(rows) if isinstance(rows, pd.DataFrame) else list(rows)
    ZOO[name] = Entry(name, documents, joined, **more)
    saver(save)


# Rows that collide: few keys, equal amounts, constants, texts that vary in length and repeat, gaps.

SALES = pd.DataFrame(
    {
        "customer": [17.0, 42.0, 5.0, 17.0, 17.0, 42.0, 5.0, 5.0, 17.0, 8.0, 8.0, 42.0] * 2,
        "amount": [10.0, 20.0, 5.0, 10.0, 7.5, 20.0, 0.25, 5.0, 1.0, 3.0, 3.0, 9.0] * 2,
        "shop": [1.0] * 24,
    }
)
TEXTS = pd.DataFrame(
    {
        "text": [
            "red",
            "blue sky",
            "a",
            "red",
            "green green grass",
            "",
            "sky",
            "red",
            "blue",
            "a b c d",
            "x",
            "sky",
        ]
        * 2,
        "size": [1.0, 2.0, 3.0, 1.0, 5.0, 1.0, 2.0, 8.0, 3.0, 3.0, 1.0, 2.0] * 2,
    }
)
TARGET = np.sin(np.arange(24.0) ** 2)
"""Something to learn that no column explains, so that every step weighs in."""
GAPS = SALES.assign(amount=SALES["amount"].where(np.arange(24) % 3 != 1))
FLOWERS = pd.concat([fitted_iris()[0].iloc[[0, 60, 120, 0, 0, 70, 130, 130]]] * 3, ignore_index=True)


# Custom code: whether it treats each row by itself is unknown.


class FunctionModel(mlflow.pyfunc.PythonModel):
    """Predicts with a function of the input frame."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def predict(self, context, model_input, params=None):
        return self.function(model_input)


def author(
    rows: pd.DataFrame | Iterable[dict[str, Any]], *, declared: bool = False, typed: bool = True, **more: bool
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Enter a PythonModel that predicts with the decorated function.

    Args:
        rows: A frame to make requests of, or the requests.
        declared: Whether its metadata vouch for the independence of rows.
        typed: Whether it has a signature and an example; the example's rows are all different.
        more: Attributes of `Entry`.
    """

    def enter(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def save(path: Path) -> None:
            options: dict[str, Any] = {"metadata": DECLARED} if declared else {}
            if typed and isinstance(rows, pd.DataFrame):
                example = rows.head(3)
                options |= {"signature": infer_signature(rows), "input_example": example}
            save_python(path, FunctionModel(function), **options)

        _enter(function.__name__, rows, save, joined=declared, **more)
        return function

    return enter


@author(SALES)
def group_sums(frame):
    return frame.groupby("customer")["amount"].transform("sum").to_numpy()


@author(SALES, slow=True)
def ranks(frame):
    return frame["amount"].rank()


@author(TEXTS)
def category_codes(frame):
    return frame["text"].astype("category").cat.codes.to_numpy()


@author(SALES)
def min_max(frame):
    spread = frame["amount"].max() - frame["amount"].min()
    return (frame["amount"] - frame["amount"].min()) / (spread or 1.0)


@author(SALES, slow=True)
def running_totals(frame):
    return frame["amount"].cumsum().tolist()


@author(SALES, slow=True)
def differences(frame):
    return frame["amount"].diff().fillna(0.0).to_numpy()


@author(SALES, slow=True)
def same_as_the_row_before(frame):
    """True only if the requests of two clients meet: rows of equal keys follow each other."""
    return frame["customer"].eq(frame["customer"].shift()).to_numpy()


@author(SALES)
def without_duplicates(frame):
    return frame.drop_duplicates(["customer", "amount"])["amount"].to_numpy()


@author(SALES)
def repeated_or_not(frame):
    return frame.duplicated(["customer"]).to_numpy()


@author(SALES, slow=True)
def sorted_amounts(frame):
    return np.sort(frame["amount"].to_numpy())


@author(GAPS, slow=True)
def filled_with_mean(frame):
    return frame["amount"].fillna(frame["amount"].mean()).fillna(0.0)


@author(SALES, slow=True)
def shares_of_total(frame):
    return (frame["amount"] / frame["amount"].sum()).to_numpy()


@author(SALES, slow=True)
def standard_scores(frame):
    return ((frame["amount"] - frame["amount"].mean()) / (frame["amount"].std(ddof=0) or 1.0)).to_numpy()


@author(TEXTS, slow=True)
def counts_of_value(frame):
    return frame["text"].map(frame["text"].value_counts()).to_numpy()


@author(SALES, slow=True)
def number_of_rows(frame):
    return [len(frame)] * len(frame)


@author(SALES, slow=True)
def positions(frame):
    return [float(at) for at in frame.index]


@author(TEXTS)
def lengths_padded_to(frame):
    """The width of numpy's text type is that of the longest text of the call."""
    return [np.array(frame["text"].tolist()).dtype.itemsize] * len(frame)


@author(
    [
        {"dataframe_records": rows}
        for rows in (
            [{"x": 1}],
            [{"x": 1.5}],
            [{"x": "1"}],
            [{"x": None}],
            [{"x": 1}, {"x": 2.5}],
            [{"x": 1}, {"x": "b"}],
            [{"x": True}],
            [{"x": True}, {"x": 2}],
            [{"x": 1}, {"y": 2}],
            [{"y": 2}],
            [{"x": 1}, {"x": None}],
            [{"x": [1, 2]}],
        )
    ],
    typed=False,
)
def inferred_types(frame):
    """pandas finds a column's type out from all values of the call."""
    return [" ".join(f"{name}:{frame[name].dtype.kind}" for name in frame.columns)] * len(frame)


@author(GAPS, slow=True)
def has_gaps_nearby(frame):
    return [bool(frame["amount"].isna().any())] * len(frame)


@author(SALES, slow=True)
def subtracts_in_place(frame):
    """Changes the frame that it is given."""
    frame["amount"] -= frame["amount"].min()
    frame.drop(columns="shop", inplace=True)  # noqa: PD002  that is what such models do
    return frame


@author(SALES)
def one_number(frame):
    return float(frame["amount"].sum())


@author(SALES, slow=True)
def one_object(frame):
    return {"total": float(frame["amount"].sum()), "rows": len(frame)}


@author(SALES, slow=True)
def one_row_for_many(frame):
    return frame[["amount"]].sum().to_frame().T


@author(SALES, slow=True)
def most_frequent_first(frame):
    """As many rows as were sent, in another order."""
    return frame.sort_values(["customer", "amount"], kind="stable")


_CALLS = itertools.count()


@author(SALES, repeatable=False, slow=True)
def calls_so_far(frame):
    return [next(_CALLS)] * len(frame)


@author(SALES, repeatable=False)
def random_answers(frame):
    return [random.random()] * len(frame)


@author(SALES)
def undeclared_doubling(frame):
    """Row-wise in truth, which nothing tells."""
    return frame["amount"] * 2


@author(SALES, declared=True)
def declared_doubling(frame):
    return frame["amount"] * 2


@author(TEXTS, declared=True, slow=True)
def declared_text_lengths(frame):
    return pd.DataFrame({"length": frame["text"].str.len(), "loud": frame["text"].str.upper()})


@author(GAPS, declared=True, slow=True)
def declared_rules(frame):
    return np.where(
        frame["amount"].isna(), "unknown", np.where(frame["amount"] > 5, "large", "small")
    ).tolist()


# Estimators.


def estimator(
    rows: pd.DataFrame, *, joined: bool | None, predict_fn: str = "predict", **more: bool
) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Enter a scikit-learn model that the decorated function fits.

    Args:
        rows: A frame to make requests of; its first rows are the example.
        joined: Whether requests are expected to share calls; None if the processor decides.
        predict_fn: Which method predicts.
        more: Attributes of `Entry`.
    """

    def enter(fit: Callable[[], Any]) -> Callable[[], Any]:
        def save(path: Path) -> None:
            signature = infer_signature(rows)
            save_sklearn(
                path, fit(), signature=signature, input_example=rows.head(3), pyfunc_predict_fn=predict_fn
            )

        _enter(fit.__name__, rows, save, joined=joined, **more)
        return fit

    return enter


@estimator(FLOWERS, joined=True)
def linear_regression():
    data, _, amount = few_rows()
    return LinearRegression().fit(data, amount)


@estimator(FLOWERS, joined=True, slow=True)
def logistic_names():
    data, target, _ = few_rows()
    return LogisticRegression(max_iter=500).fit(data, np.array(["setosa", "versi", "virginica"])[target])


@estimator(FLOWERS, joined=None, predict_fn="predict_proba")
def logistic_chances():
    return fitted_iris()[1]


@estimator(FLOWERS, joined=True, predict_fn="predict_proba", slow=True)
def forest_chances():
    data, target, _ = few_rows()
    return RandomForestClassifier(n_estimators=5, random_state=0).fit(data, target)


@estimator(FLOWERS, joined=True, slow=True)
def forest_of_two_outputs():
    data, target, amount = few_rows()
    return RandomForestRegressor(n_estimators=5, random_state=0).fit(data, np.column_stack([target, amount]))


@estimator(FLOWERS, joined=True, slow=True)
def boosted_histograms():
    data, target, _ = few_rows()
    return HistGradientBoostingClassifier(max_iter=5).fit(data, target)


@estimator(FLOWERS, joined=True, slow=True)
def support_vectors():
    data, target, _ = few_rows()
    return SVC().fit(data, target)


@estimator(FLOWERS, joined=True, slow=True)
def nearest_neighbours():
    data, target, _ = few_rows()
    return KNeighborsClassifier(3).fit(data, target)


@estimator(FLOWERS, joined=None)
def neural_network():
    data, _, amount = few_rows()
    return MLPRegressor(hidden_layer_sizes=(8,), max_iter=20, random_state=0).fit(data, amount)


@estimator(FLOWERS, joined=True, predict_fn="predict_proba", slow=True)
def naive_bayes_chances():
    data, target, _ = few_rows()
    return GaussianNB().fit(data, target)


@estimator(FLOWERS, joined=True, slow=True)
def clusters():
    return KMeans(3, n_init=1, random_state=0).fit(few_rows()[0])


@estimator(FLOWERS, joined=True, slow=True)
def outliers():
    return IsolationForest(n_estimators=5, random_state=0).fit(few_rows()[0])


@estimator(FLOWERS, joined=None, slow=True)
def components():
    data, _, amount = few_rows()
    return make_pipeline(PCA(2), Ridge()).fit(data, amount)


@estimator(GAPS, joined=None, slow=True)
def imputed():
    return make_pipeline(SimpleImputer(), StandardScaler(), Ridge()).fit(GAPS, SALES["amount"])


@estimator(TEXTS, joined=True, slow=True)
def encoded_columns():
    encode = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("text", encode, ["text"]), ("size", StandardScaler(), ["size"])])
    return make_pipeline(columns, LogisticRegression()).fit(TEXTS, np.arange(24) % 2)


@estimator(TEXTS, joined=True)
def words():
    columns = ColumnTransformer([("text", TfidfVectorizer(token_pattern=r"\w+"), "text")])
    return make_pipeline(columns, LogisticRegression()).fit(TEXTS, np.arange(24) % 2)


@estimator(SALES, joined=None, slow=True)
def logarithms():
    return make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(SALES, SALES["amount"])


@estimator(SALES, joined=None, slow=True)
def exponential_target():
    model = TransformedTargetRegressor(LinearRegression(), func=np.log1p, inverse_func=np.expm1)
    return model.fit(SALES, SALES["amount"])


@estimator(FLOWERS, joined=True, slow=True)
def library_votes():
    data, target, _ = few_rows()
    members = [("trees", RandomForestClassifier(5, random_state=0)), ("bayes", GaussianNB())]
    return VotingClassifier(members, voting="soft").fit(data, target)


@estimator(FLOWERS, joined=True, slow=True)
def searched():
    data, target, _ = few_rows()
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    return GridSearchCV(pipeline, {"logisticregression__C": [1.0, 2.0]}, cv=2).fit(data, target)


def rank_columns(matrix):
    """A step of an author's: what is largest depends on the rows beside."""
    return pd.DataFrame(matrix).rank().to_numpy()


def sort_down(values):
    return np.sort(values, axis=0)


class Centred(LinearRegression):
    """A library's estimator with a method of an author's."""

    def predict(self, X):  # noqa: N803  scikit-learn's name
        values = super().predict(X)
        return values - values.mean()


class AboveMedian(ClassifierMixin, BaseEstimator):
    """An author's estimator: the upper half of the rows it sees."""

    def fit(self, X, y):  # noqa: N803
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):  # noqa: N803
        values = np.asarray(X)[:, 0]
        return self.classes_[(values > np.median(values)).astype(int)]


def _centred_predict(model, matrix):
    values = LinearRegression.predict(model, matrix)
    return values - values.max()


@estimator(SALES, joined=False)
def ranks_in_a_step():
    return make_pipeline(FunctionTransformer(rank_columns), LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def running_totals_in_a_step():
    step = FunctionTransformer(np.cumsum, kw_args={"axis": 0})
    return make_pipeline(step, LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False)
def scaled_in_a_step():
    return make_pipeline(FunctionTransformer(scale), LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def partial_in_a_step():
    step = FunctionTransformer(partial(minmax_scale, axis=0))
    return make_pipeline(step, LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def ranks_in_a_column():
    ranked = ColumnTransformer(
        [("rank", FunctionTransformer(rank_columns), ["amount"])], remainder="passthrough"
    )
    return make_pipeline(ranked, LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def ranks_in_a_union():
    union = FeatureUnion([("rank", FunctionTransformer(rank_columns)), ("scale", StandardScaler())])
    return make_pipeline(union, LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False)
def nested_pipeline():
    inner = make_pipeline(StandardScaler(), make_pipeline(FunctionTransformer(rank_columns)))
    return make_pipeline(inner, LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def searched_with_a_step():
    pipeline = make_pipeline(FunctionTransformer(rank_columns), Ridge())
    return GridSearchCV(pipeline, {"ridge__alpha": [0.1, 1.0]}, cv=2).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def votes_with_an_author():
    classes = (TARGET > 0).astype(int)
    members = [("upper", AboveMedian()), ("upper too", AboveMedian()), ("line", LogisticRegression())]
    return VotingClassifier(members).fit(SALES, classes)


@estimator(SALES, joined=False)
def sorted_target():
    model = TransformedTargetRegressor(
        LinearRegression(), func=sort_down, inverse_func=sort_down, check_inverse=False
    )
    return model.fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def sorted_target_by_partial():
    sort = partial(np.sort, axis=0)
    model = TransformedTargetRegressor(LinearRegression(), func=sort, inverse_func=sort, check_inverse=False)
    return model.fit(SALES, TARGET)


@estimator(SALES, joined=False)
def subclassed():
    return Centred().fit(SALES, TARGET)


@estimator(SALES, joined=False)
def replaced_method():
    model = LinearRegression().fit(SALES, TARGET)
    model.predict = partial(_centred_predict, model)
    return model


@estimator(SALES, joined=False, slow=True)
def replaced_method_of_a_step():
    model = make_pipeline(StandardScaler(), Ridge()).fit(SALES, TARGET)
    model[0].transform = rank_columns
    return model


class Refitted(StandardScaler):
    """Fits itself to the rows of the call."""

    def transform(self, X, copy=None):  # noqa: N803
        return StandardScaler().fit_transform(X)


@estimator(SALES, joined=False, slow=True)
def subclassed_step():
    return make_pipeline(Refitted(), LinearRegression()).fit(SALES, TARGET)


@estimator(SALES, joined=False)
def weights_turned_over():
    """A function of numpy's where the library expects one, which mixes the rows all the same."""
    return KNeighborsRegressor(3, weights=np.flip).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def weights_scaled():
    return KNeighborsRegressor(3, weights=minmax_scale).fit(SALES, TARGET)


@estimator(SALES, joined=False, slow=True)
def target_turned_over():
    back = FunctionTransformer(np.log1p, inverse_func=np.flip, check_inverse=False)
    return TransformedTargetRegressor(LinearRegression(), transformer=back).fit(SALES, SALES["amount"])


def number_words(text):
    """A custom tokenizer, which is unknown to the server."""
    return [str(len(word)) for word in text.split()]


@estimator(TEXTS, joined=False, slow=True)
def words_by_an_author():
    count = TfidfVectorizer(tokenizer=number_words, token_pattern=None)
    columns = ColumnTransformer([("text", count, "text")])
    return make_pipeline(columns, LogisticRegression()).fit(TEXTS, np.arange(24) % 2)


@estimator(SALES, joined=False)
def density_clusters():
    """Fits itself to the rows of the call, and keeps what it found: not safe in two threads either."""
    model = DBSCAN(eps=3.0, min_samples=2).fit(SALES)
    model.predict = model.fit_predict
    return model


@estimator(SALES, joined=False, slow=True)
def local_outliers():
    model = LocalOutlierFactor(n_neighbors=1).fit(SALES)
    model.predict = partial(LocalOutlierFactor.fit_predict, model)
    return model


@estimator(SALES, joined=False)
def factors():
    """A library's step that solves for all rows of the call together, and stops when their sum is small."""
    return make_pipeline(NMF(2, init="nndsvda", max_iter=400, random_state=0), Ridge()).fit(SALES, TARGET)


@estimator(SALES, joined=False, predict_fn="score", slow=True)
def distance_of_all():
    """A library's method that has one number for all rows."""
    return KMeans(3, n_init=1, random_state=0).fit(SALES)


# Boosted trees.


def trees(
    *, joined: bool, slow: bool = False, **options: Any
) -> Callable[[Callable[[], tuple[Any, Any]]], Any]:
    """Enter a model of trees; the decorated function gives the flavor and the model.

    Args:
        joined: Whether requests are expected to share calls.
        slow: Whether it repeats another with a further library.
        options: More for the flavor's way of saving.
    """

    def enter(fit: Callable[[], tuple[Any, Any]]) -> Callable[[], tuple[Any, Any]]:
        def save(path: Path) -> None:
            save_trees(path, *fit(), **options)

        _enter(fit.__name__, FLOWERS, save, joined=joined, slow=slow)
        return fit

    return enter


@trees(joined=True)
def lightgbm_trees():
    import lightgbm
    import mlflow.lightgbm

    data, _, amount = few_rows()
    return mlflow.lightgbm, lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1).fit(data, amount)


@trees(joined=False, serialization_format="cloudpickle")
def lightgbm_subclassed():
    import lightgbm
    import mlflow.lightgbm

    class Rescaled(lightgbm.LGBMRegressor):
        def predict(self, X, **options):  # noqa: N803
            values = super().predict(X, **options)
            return values / values.max()

    data, _, amount = few_rows()
    return mlflow.lightgbm, Rescaled(n_estimators=5, verbose=-1, n_jobs=1).fit(data, amount)


@trees(joined=True)
def xgboost_trees():
    import mlflow.xgboost
    import xgboost

    data, target, _ = few_rows()
    return mlflow.xgboost, xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(data, target)


@trees(joined=True, slow=True)
def catboost_trees():
    import catboost
    import mlflow.catboost

    data, _, amount = few_rows()
    model = catboost.CatBoostRegressor(iterations=5, verbose=0, thread_count=1, allow_writing_files=False)
    return mlflow.catboost, model.fit(data, amount)
