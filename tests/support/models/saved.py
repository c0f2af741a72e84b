"""Real MLflow models for the server's tests, saved once per test session."""

import atexit
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

with warnings.catch_warnings():
    # MLflow's own type hints make it warn on import.
    warnings.simplefilter("ignore")
    import mlflow.pyfunc
    import mlflow.sklearn
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema, TensorSpec

IRIS_COLUMNS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")

Saver = Callable[[Path], None]
_SAVERS: dict[str, Saver] = {}


def saver(save: Saver) -> Saver:
    """Register a function that saves the model of its name."""
    _SAVERS[save.__name__] = save
    return save


@cache
def model_path(name: str) -> Path:
    """The folder of a saved model."""
    path = Path(_session_folder()) / name
    with warnings.catch_warnings():
        # Saving warns about hints, examples and pickles; the tests are about serving.
        warnings.simplefilter("ignore")
        _SAVERS[name](path)
    return path


def broken_copy(name: str, folder: Path) -> Path:
    """A copy of a model that a test may damage."""
    target = folder / f"broken-{name}"
    shutil.copytree(model_path(name), target)
    return target


@cache
def _session_folder() -> str:
    folder = tempfile.mkdtemp(prefix="davit-models-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def fitted_iris() -> tuple[pd.DataFrame, LogisticRegression]:
    """The data and the estimator behind the iris models."""
    data, target = load_iris(as_frame=True, return_X_y=True)
    return data, LogisticRegression(max_iter=500).fit(data, target)


def save_sklearn(path: Path, estimator: object, **options: object) -> None:
    """Save with fixed requirements: finding them out would take ten seconds."""
    mlflow.sklearn.save_model(
        estimator,
        str(path),
        pip_requirements=["mlflow", "scikit-learn"],
        serialization_format="cloudpickle",
        **options,
    )


def save_python(path: Path, model: object, **options: object) -> None:
    """Save a PythonModel with fixed requirements."""
    mlflow.pyfunc.save_model(str(path), python_model=model, pip_requirements=["mlflow"], **options)


@saver
def iris(path: Path) -> None:
    data, estimator = fitted_iris()
    signature = infer_signature(data, estimator.predict(data))
    save_sklearn(path, estimator, signature=signature, input_example=data.head(3))


@saver
def iris_proba(path: Path) -> None:
    data, estimator = fitted_iris()
    signature = infer_signature(data, estimator.predict(data))
    save_sklearn(path, estimator, signature=signature, pyfunc_predict_fn="predict_proba")


@saver
def nosig(path: Path) -> None:
    save_sklearn(path, fitted_iris()[1])


@saver
def tensor(path: Path) -> None:
    data, target = load_iris(return_X_y=True)
    inputs = Schema([TensorSpec(np.dtype("float64"), (-1, 4))])
    outputs = Schema([TensorSpec(np.dtype("int64"), (-1,))])
    estimator = LogisticRegression(max_iter=500).fit(data, target)
    save_sklearn(path, estimator, signature=ModelSignature(inputs=inputs, outputs=outputs))


@saver
def forest(path: Path) -> None:
    data, target = load_iris(as_frame=True, return_X_y=True)
    estimator = RandomForestClassifier(n_estimators=10, random_state=0).fit(data, target)
    signature = infer_signature(data, estimator.predict(data))
    save_sklearn(path, estimator, signature=signature, input_example=data.head(3))


@saver
def by_name(path: Path) -> None:
    """A pipeline that picks columns by name, so a bare matrix will not do."""
    data = pd.DataFrame({"colour": ["red", "blue", "red", "green"] * 5, "size": np.arange(20.0)})
    columns = ColumnTransformer([("colour", OneHotEncoder(), ["colour"])], remainder="passthrough")
    estimator = make_pipeline(columns, LogisticRegression()).fit(data, [0, 1, 0, 1] * 5)
    save_sklearn(path, estimator, signature=infer_signature(data, [0, 1]), input_example=data.head(3))


class ParamsModel(mlflow.pyfunc.PythonModel):
    """Uses its parameters."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        if params["mode"] == "add":
            return [float(x + params["scale"]) for x in model_input["x"]]
        return [round(float(x * params["scale"]), 6) for x in model_input["x"]]


@saver
def params(path: Path) -> None:
    schema = ParamSchema(
        [
            ParamSpec("scale", DataType.double, 1.0),
            ParamSpec("mode", DataType.string, "mul"),
            ParamSpec("names", DataType.string, ["a"], shape=(-1,)),
        ]
    )
    signature = ModelSignature(inputs=Schema([ColSpec("double", "x")]), params=schema)
    save_python(path, ParamsModel(), signature=signature)


class EchoModel(mlflow.pyfunc.PythonModel):
    """Returns its input; datetimes as text."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        frame = model_input.copy()
        for column in frame.columns:
            if frame[column].dtype.kind == "M":
                frame[column] = frame[column].astype(str)
        return frame


@saver
def mixed(path: Path) -> None:
    kinds = {"i": "long", "f": "double", "s": "string", "b": "boolean", "d": "datetime"}
    columns = [ColSpec(kind, name) for name, kind in kinds.items()]
    columns.append(ColSpec("double", "o", required=False))
    save_python(path, EchoModel(), signature=ModelSignature(inputs=Schema(columns)))


class LengthsModel(mlflow.pyfunc.PythonModel):
    """Typed by its hint."""

    def predict(self, model_input: list[str], params=None) -> list[int]:
        return [len(text) for text in model_input]


@saver
def typehint(path: Path) -> None:
    save_python(path, LengthsModel(), input_example=["a", "bc"])


class Msg(BaseModel):
    """A message."""

    role: str
    n: int
    opt: float | None = None


class MessagesModel(mlflow.pyfunc.PythonModel):
    """Typed by a pydantic model."""

    def predict(self, model_input: list[Msg], params=None) -> list[str]:
        return [f"{message.role}:{message.n}" for message in model_input]


@saver
def typehint_pyd(path: Path) -> None:
    save_python(path, MessagesModel(), input_example=[{"role": "u", "n": 1}])


class DeviationModel(mlflow.pyfunc.PythonModel):
    """Not row-wise: each answer depends on all rows of the call."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return model_input["x"] - model_input["x"].mean()


@saver
def deviation(path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0, 6.0]})
    save_python(path, DeviationModel(), signature=infer_signature(frame, frame["x"]), input_example=frame)


class SleepyModel(mlflow.pyfunc.PythonModel):
    """Sleeps as many seconds as its input says."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        time.sleep(float(model_input["seconds"].max()))
        return model_input["seconds"]


@saver
def sleepy(path: Path) -> None:
    frame = pd.DataFrame({"seconds": [0.0, 0.001]})
    save_python(path, SleepyModel(), signature=infer_signature(frame, frame["seconds"]), input_example=frame)


class PickyModel(mlflow.pyfunc.PythonModel):
    """Raises on negative numbers, quoting them, and returns the rest doubled."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        if (model_input["x"] < 0).any():
            raise ValueError(f"negative: {model_input['x'].tolist()}")
        return model_input["x"] * 2


@saver
def picky(path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    save_python(path, PickyModel(), signature=infer_signature(frame, frame["x"]), input_example=frame)


class CountingModel(mlflow.pyfunc.PythonModel):
    """Writes a line into a file for each call."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        with Path(context.artifacts["calls"]).open("a") as calls:
            calls.write("x")
        return model_input["x"] * 2


class RowModel(mlflow.pyfunc.PythonModel):
    """Never answers the row that the smoke test makes up."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        if model_input["what"].iloc[0] == "a":
            time.sleep(3600)
        return [1.0] * len(model_input)


class TextModel(mlflow.pyfunc.PythonModel):
    """Breaks the promise of its signature."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return ["many"] * len(model_input)


@saver
def liar(path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0]})
    save_python(path, TextModel(), signature=infer_signature(frame, frame["x"]), input_example=frame)


class FrameModel(mlflow.pyfunc.PythonModel):
    """Several outputs of several types."""

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return pd.DataFrame(
            {
                "double": model_input["x"] * 2,
                "name": [f"n{int(x)}" for x in model_input["x"]],
                "big": model_input["x"] > 1,
            }
        )


@saver
def frame(path: Path) -> None:
    data = pd.DataFrame({"x": [1.0, 2.0]})
    answer = FrameModel().predict(None, data)
    save_python(path, FrameModel(), signature=infer_signature(data, answer), input_example=data)


class GreedyModel(mlflow.pyfunc.PythonModel):
    """Asks for far more memory than any machine has."""

    def load_context(self, context):
        self.weights = np.ones((2**40, 2**10))

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return model_input


@saver
def greedy(path: Path) -> None:
    save_python(path, GreedyModel())


class HungryModel(mlflow.pyfunc.PythonModel):
    """Allocates all memory, while loading or, if configured, while predicting."""

    def load_context(self, context):
        if "DAVIT_TEST_HUNGRY" in os.environ:
            self.weights = [np.empty(2**24) for _ in range(2**20)]

    def predict(self, context, model_input: pd.DataFrame, params=None):
        if model_input["a"].max() > 0:
            return [np.empty(2**24) for _ in range(2**20)]
        return model_input["a"]


@saver
def hungry(path: Path) -> None:
    frame = pd.DataFrame({"a": [0.0]})
    save_python(path, HungryModel(), signature=infer_signature(frame, frame["a"]), input_example=frame)


class UnpackingModel(mlflow.pyfunc.PythonModel):
    """Unpacks eight megabytes into the folder for temporary files when it is loaded."""

    def load_context(self, context):
        with tempfile.NamedTemporaryFile() as stream:
            stream.write(bytes(8 << 20))

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return model_input


@saver
def unpacking(path: Path) -> None:
    save_python(path, UnpackingModel())


class EndlessModel(mlflow.pyfunc.PythonModel):
    """Says that it is being loaded, and never is."""

    def load_context(self, context):
        Path(os.environ["DAVIT_TEST_LOADING"]).touch()
        time.sleep(3600)

    def predict(self, context, model_input: pd.DataFrame, params=None):
        return model_input


@saver
def endless(path: Path) -> None:
    save_python(path, EndlessModel())


@saver
def echo(path: Path) -> None:
    """No signature: whatever comes goes back."""
    save_python(path, EchoModel())


def few_rows() -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Rows to learn trees from: numbers, a class and an amount."""
    data, target = load_iris(as_frame=True, return_X_y=True)
    return data, target, data.sum(axis=1) * 1.5


def save_trees(path: Path, flavor: Any, trees: object, **options: object) -> None:
    """Save a LightGBM or XGBoost model with a signature and an example."""
    data = fitted_iris()[0]
    answer = np.zeros(len(data))
    signature = infer_signature(data, answer)
    flavor.save_model(
        trees,
        str(path),
        signature=signature,
        input_example=data.head(3),
        pip_requirements=["mlflow"],
        **options,
    )


@saver
def lightgbm_classifier(path: Path) -> None:
    import lightgbm
    import mlflow.lightgbm

    data, target, _ = few_rows()
    trees = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(data, target)
    save_trees(path, mlflow.lightgbm, trees)


@saver
def lightgbm_two_classes(path: Path) -> None:
    import lightgbm
    import mlflow.lightgbm

    data, target, _ = few_rows()
    names = np.where(target == 1, "yes", "no")
    trees = lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1).fit(data, names)
    save_trees(path, mlflow.lightgbm, trees)


@saver
def lightgbm_regressor(path: Path) -> None:
    import lightgbm
    import mlflow.lightgbm

    data, _, amount = few_rows()
    trees = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1, n_jobs=1).fit(data, amount)
    save_trees(path, mlflow.lightgbm, trees)


@saver
def lightgbm_booster(path: Path) -> None:
    import lightgbm
    import mlflow.lightgbm

    data, target, _ = few_rows()
    settings = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    trees = lightgbm.train(settings, lightgbm.Dataset(data, target), num_boost_round=5)
    save_trees(path, mlflow.lightgbm, trees)


@saver
def xgboost_classifier(path: Path) -> None:
    import mlflow.xgboost
    import xgboost

    data, target, _ = few_rows()
    save_trees(path, mlflow.xgboost, xgboost.XGBClassifier(n_estimators=5, n_jobs=1).fit(data, target))


@saver
def xgboost_regressor(path: Path) -> None:
    import mlflow.xgboost
    import xgboost

    data, _, amount = few_rows()
    save_trees(path, mlflow.xgboost, xgboost.XGBRegressor(n_estimators=5, n_jobs=1).fit(data, amount))


@saver
def xgboost_booster(path: Path) -> None:
    import mlflow.xgboost
    import xgboost

    data, _, amount = few_rows()
    save_trees(path, mlflow.xgboost, xgboost.train({"nthread": 1}, xgboost.DMatrix(data, amount), 5))


@saver
def own_step(path: Path) -> None:
    """A pipeline with a function of the author's, which nothing can convert."""
    data, target = load_iris(as_frame=True, return_X_y=True)
    estimator = make_pipeline(FunctionTransformer(np.abs), LogisticRegression(max_iter=500)).fit(data, target)
    signature = infer_signature(data, estimator.predict(data))
    save_sklearn(path, estimator, signature=signature, input_example=data.head(3))


@saver
def regression(path: Path) -> None:
    data, _, amount = few_rows()
    estimator = RandomForestRegressor(n_estimators=10, random_state=0).fit(data, amount)
    signature = infer_signature(data, estimator.predict(data))
    save_sklearn(path, estimator, signature=signature, input_example=data.head(3))


@saver
def logged_as_onnx(path: Path) -> None:
    import mlflow.onnx
    from skl2onnx import to_onnx

    data, _, amount = few_rows()
    estimator = LinearRegression().fit(data, amount)
    graph = to_onnx(estimator, data.to_numpy(dtype="float32")[:1])
    signature = infer_signature(data, pd.DataFrame({"variable": amount}))
    mlflow.onnx.save_model(
        graph, str(path), signature=signature, input_example=data.head(3), pip_requirements=["mlflow"]
    )
