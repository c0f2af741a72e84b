"""Decide whether a model treats each row by itself, so that requests may share a call.

Tests with sample rows cannot prove that: code that groups, ranks or encodes differs only when keys collide.
So independence is either known here, for flavors and estimators, or declared by the model's author. All
other models are called with one request at a time.
"""

from collections.abc import Iterator
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np

from davit_server.runtimes.pyfunc import PyfuncModel

DECLARATION = "davit.batching"
"""Key in the metadata of an MLmodel file with which an author declares that rows are independent."""

_METHODS = frozenset(
    {"predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples"}
)
"""Methods that use fitted state and one row only; `fit_predict`, for example, uses all rows."""

_SKLEARN = frozenset(
    """
    ARDRegression AdaBoostClassifier AdaBoostRegressor AdditiveChi2Sampler BaggingClassifier
    BaggingRegressor BayesianGaussianMixture BayesianRidge BernoulliNB Binarizer BisectingKMeans CCA
    CalibratedClassifierCV CategoricalNB ClassifierChain ColumnTransformer ComplementNB CountVectorizer
    DecisionTreeClassifier DecisionTreeRegressor DictVectorizer ElasticNet ElasticNetCV EllipticEnvelope
    ExtraTreeClassifier ExtraTreeRegressor ExtraTreesClassifier ExtraTreesRegressor FactorAnalysis
    FastICA FeatureHasher FeatureUnion FixedThresholdClassifier FrozenEstimator
    FunctionTransformer GammaRegressor GaussianMixture GaussianNB GaussianProcessClassifier
    GaussianProcessRegressor GaussianRandomProjection GenericUnivariateSelect GradientBoostingClassifier
    GradientBoostingRegressor GridSearchCV HalvingGridSearchCV HalvingRandomSearchCV HashingVectorizer
    HistGradientBoostingClassifier HistGradientBoostingRegressor HuberRegressor IncrementalPCA
    IsolationForest IsotonicRegression KBinsDiscretizer KMeans KNNImputer KNeighborsClassifier
    KNeighborsRegressor KNeighborsTransformer KernelCenterer KernelPCA KernelRidge Lars LarsCV Lasso
    LassoCV LassoLars LassoLarsCV LassoLarsIC LinearDiscriminantAnalysis LinearRegression LinearSVC
    LinearSVR LocalOutlierFactor LogisticRegression LogisticRegressionCV MLPClassifier MLPRegressor
    MaxAbsScaler MeanShift MinMaxScaler MiniBatchKMeans MissingIndicator MultiOutputClassifier
    MultiOutputRegressor MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV
    MultinomialNB NearestCentroid NeighborhoodComponentsAnalysis Normalizer NuSVC NuSVR Nystroem
    OneClassSVM OneHotEncoder OneVsOneClassifier OneVsRestClassifier OrdinalEncoder
    OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV OutputCodeClassifier PCA PLSCanonical
    PLSRegression PLSSVD PassiveAggressiveClassifier PassiveAggressiveRegressor Perceptron Pipeline
    PoissonRegressor PolynomialCountSketch PolynomialFeatures PowerTransformer
    QuadraticDiscriminantAnalysis QuantileRegressor QuantileTransformer RANSACRegressor RBFSampler RFE
    RFECV RadiusNeighborsClassifier RadiusNeighborsRegressor RandomForestClassifier
    RandomForestRegressor RandomTreesEmbedding RandomizedSearchCV RegressorChain Ridge RidgeCV
    RidgeClassifier RidgeClassifierCV RobustScaler SGDClassifier SGDOneClassSVM SGDRegressor SVC SVR
    SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest SelectPercentile SelfTrainingClassifier
    SequentialFeatureSelector SimpleImputer SkewedChi2Sampler SparseRandomProjection SplineTransformer
    StackingClassifier StackingRegressor StandardScaler TargetEncoder TfidfTransformer TfidfVectorizer
    TheilSenRegressor TransformedTargetRegressor TruncatedSVD TunedThresholdClassifierCV
    TweedieRegressor VarianceThreshold VotingClassifier VotingRegressor
    """.split()  # noqa: SIM905  a name a line would fill pages
)
"""scikit-learn's classes whose methods above treat each row by itself once they are fitted.

Not among them: `NMF`, whose `transform` stops when all rows together have converged, everything that draws
random numbers while it predicts (`DummyClassifier`), and classes that have not been reviewed.
"""

_TREES = frozenset(
    f"{library}.{name}"
    for library, names in {
        "lightgbm": "Booster LGBMClassifier LGBMRegressor LGBMRanker",
        "xgboost": "Booster XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor",
        "catboost": "CatBoost CatBoostClassifier CatBoostRegressor CatBoostRanker",
    }.items()
    for name in names.split()
)

_FUNCTIONS = (FunctionType, BuiltinFunctionType, type(np.sort))
_ONLY_IN_FITTING = frozenset({"score_func", "scoring"})
"""Parameters whose functions do not take part in predicting."""

_FITTED = (
    "calibrated_classifiers_",
    "estimator_",
    "estimators_",
    "final_estimator_",
    "regressor_",
    "transformer_",
    "transformers_",
)
"""Attributes in which scikit-learn keeps fitted parts, beside its parameters."""

_ONNX_OPERATORS = frozenset(
    """
    ArrayFeatureExtractor Binarizer Cast CategoryMapper FeatureVectorizer Identity Imputer LabelEncoder
    LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler
    TreeEnsembleClassifier TreeEnsembleRegressor ZipMap
    """.split()  # noqa: SIM905  a name a line would fill pages
)
"""Operators of a graph that use one row at a time with any attributes."""


def nothing_known(_: PyfuncModel) -> str:
    """Return the empty string: nothing is known about how the flavor's models treat rows."""
    return ""


def by_graph(model: PyfuncModel) -> str:
    """Return why an ONNX graph is known to treat each row by itself; empty where that is not known.

    Args:
        model: The loaded model.
    """
    if model.predicting_method not in _METHODS or _foreign_operators(model):
        return ""
    return "every operator of its graph looks at one row at a time"


def by_estimator(model: PyfuncModel) -> str:
    """Return why an estimator is known to treat each row by itself; empty where that is not known.

    Args:
        model: The loaded model.
    """
    method = model.predicting_method
    if method not in _METHODS:
        return ""
    estimator = model.mlflow_model.get_raw_model()
    kind = type(estimator).__name__
    return f"{kind}.{method} looks at one row at a time" if row_wise_estimator(estimator) else ""


def declared_independence(model: PyfuncModel) -> bool:
    """Return whether the model's own metadata declares that its rows are independent."""
    metadata = model.mlflow_model.metadata.metadata or {}
    return str(metadata.get(DECLARATION, "")).lower() == "enabled"


def row_wise_estimator(estimator: Any) -> bool:
    """Return whether an estimator and everything it predicts with is in the table of row-wise classes."""
    return _is_estimator(estimator) and all(map(_row_wise_part, _parts(estimator)))


def _parts(value: Any) -> Iterator[Any]:
    """Yield the estimators and callables in a value: an estimator with all its parts, or lists of them."""
    if isinstance(value, list | tuple):
        for entry in value:
            yield from _parts(entry)
    elif isinstance(value, dict):
        yield from _parts(list(value.values()))
    elif isinstance(value, np.ndarray):
        yield from _parts(value.ravel().tolist() if value.dtype == object else [])
    elif _is_estimator(value):
        yield value
        for name in _part_names(value):
            yield from _parts(getattr(value, name, None))
    elif callable(value):
        yield value


def _part_names(estimator: Any) -> list[str]:
    """Return the attributes with the parts that an estimator predicts with: parameters and fitted ones."""
    if hasattr(estimator, "best_estimator_"):
        # A search may have replaced whole steps: only its result predicts.
        return ["best_estimator_"]
    given = estimator.get_params(deep=False) if hasattr(estimator, "get_params") else ()
    return [*(name for name in given if name not in _ONLY_IN_FITTING), *_FITTED]


def _row_wise_part(part: Any) -> bool:
    """Return whether one estimator, or one of its callables, is known to use one row at a time."""
    if _is_estimator(part):
        return _in_table(type(part)) and not _replaced_methods(part) and _calls_only_ufuncs(part)
    if isinstance(part, np.ufunc):
        return True
    # Types of numbers, and kernels; a function that is not a ufunc may use more than one row.
    kind = part if isinstance(part, type) else type(part)
    return _library(kind) in {"sklearn", "numpy"} and not isinstance(part, _FUNCTIONS)


def _is_estimator(value: Any) -> bool:
    """Return whether something takes part in predicting."""
    return not isinstance(value, type) and any(
        hasattr(value, name) for name in ("fit", "predict", "transform")
    )


def _in_table(kind: type) -> bool:
    if _full_name(kind) in _TREES:
        return True
    return _library(kind) == "sklearn" and kind.__name__ in _SKLEARN


def _calls_only_ufuncs(part: Any) -> bool:
    """Return False for a function of columns that may use more than one row, such as `np.cumsum`."""
    names = {"FunctionTransformer": ("func",), "TransformedTargetRegressor": ("inverse_func",)}
    functions = [getattr(part, name) for name in names.get(type(part).__name__, ())]
    return all(function is None or isinstance(function, np.ufunc) for function in functions)


def _replaced_methods(part: Any) -> bool:
    """Return whether an instance hides methods of its class behind attributes of its own."""
    kind = type(part)
    return any(callable(value) and callable(getattr(kind, name, None)) for name, value in vars(part).items())


def _full_name(kind: type) -> str:
    return f"{_library(kind)}.{kind.__name__}"


def _library(named: Any) -> str:
    return str(getattr(named, "__module__", "")).partition(".")[0]


def _foreign_operators(model: PyfuncModel) -> set[str]:
    """Return the operators of an ONNX graph that are not known to use one row at a time."""
    import onnx

    file = model.path / model.mlflow_model.metadata.flavors["onnx"]["data"]
    graph = onnx.load(str(file), load_external_data=False).graph
    return {node.op_type for node in graph.node} - _ONNX_OPERATORS
