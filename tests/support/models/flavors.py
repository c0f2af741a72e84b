"""A small model of every flavor that can be installed here, with requests in every form that it may get.

Not tried: keras and tensorflow (274 MB of wheels for the smallest backend), pytorch, transformers and
sentence-transformers (gigabytes for graphics cards from the package index), paddle (195 MB), h2o (266 MB and
Java), spark (300 MB and Java), shap (60 MB of compilers for an explainer), johnsnowlabs (a licence), and the
flavors of language models, which call a service: langchain, llama_index, openai, dspy, crewai and the like.
"""

import datetime as dt
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from support.models.saved import (
    ColSpec,
    ModelSignature,
    Msg,
    Saver,
    Schema,
    TensorSpec,
    few_rows,
    fitted_iris,
    infer_signature,
    mlflow,
    save_python,
    save_sklearn,
    save_trees,
    saver,
)

JSON = "application/json"
Body = tuple[str, bytes]
"""A request's Content-Type and body."""


@dataclass(frozen=True)
class Sample:
    """A saved model, by its name for `support.models.saved.model_path`, and requests for it."""

    name: str
    bodies: list[Body]


SAMPLES: dict[str, Sample] = {}


def sample(bodies: Sequence[Body]) -> Callable[[Saver], Saver]:
    """Register the decorated function as the saver of a model that gets these requests."""

    def enter(save: Saver) -> Saver:
        SAMPLES[save.__name__] = Sample(save.__name__, list(bodies))
        return saver(save)

    return enter


def documents(*values: Any) -> list[Body]:
    """JSON bodies."""
    return [(JSON, json.dumps(value).encode()) for value in values]


def table(frame: pd.DataFrame, sizes: Sequence[int] = (1, 2, 5)) -> list[Body]:
    """The first rows of a frame in all forms that MLflow's server reads."""
    return [body for size in sizes for body in _forms(frame.head(size))]


def _forms(rows: pd.DataFrame) -> list[Body]:
    """One request in every form; columns may come in another order."""
    split = json.loads(rows.to_json(orient="split", date_format="iso"))
    backwards = json.loads(rows[rows.columns[::-1]].to_json(orient="split", date_format="iso"))
    records = json.loads(rows.to_json(orient="records", date_format="iso"))
    columns = json.loads(rows.reset_index(drop=True).to_json(orient="columns", date_format="iso"))
    return [
        *documents(
            {"dataframe_split": split},
            {"dataframe_split": {"columns": split["columns"], "data": split["data"]}},
            {"dataframe_split": backwards},
            {"dataframe_records": records},
            {"dataframe_records": records, "params": None},
            {"inputs": records},
            {"inputs": {name: list(values.values()) for name, values in columns.items()}},
            {"inputs": split["data"]},
            {"instances": records},
            {"instances": split["data"]},
        ),
        ("text/csv", rows.to_csv(index=False).encode()),
    ]


def tensors(array: Any) -> list[Body]:
    """The first entries of an array in both forms for tensors."""
    parts = [array[:1].tolist(), array[:3].tolist(), array.tolist()]
    return documents(*({key: part} for part in parts for key in ("inputs", "instances")))


FLOWERS = fitted_iris()[0].iloc[[0, 60, 120, 7, 99]].reset_index(drop=True)


# scikit-learn: what predict and its kin may return.


@sample(table(FLOWERS))
def two_outputs_chances(path: Path) -> None:
    """`predict_proba` of several outputs is a list of arrays."""
    data, target, amount = few_rows()
    both = np.column_stack([target, amount > amount.mean()])
    estimator = MultiOutputClassifier(LogisticRegression(max_iter=500)).fit(data, both)
    save_sklearn(
        path,
        estimator,
        signature=infer_signature(data),
        input_example=data.head(3),
        pyfunc_predict_fn="predict_proba",
    )


@sample(table(FLOWERS))
def forest_two_outputs_chances(path: Path) -> None:
    data, target, amount = few_rows()
    both = np.column_stack([target, amount > amount.mean()])
    estimator = RandomForestClassifier(n_estimators=3, random_state=0).fit(data, both)
    save_sklearn(path, estimator, signature=infer_signature(data), pyfunc_predict_fn="predict_proba")


@sample(table(FLOWERS))
def logarithms_of_chances(path: Path) -> None:
    """`predict_log_proba` has minus infinity for a class that no tree voted for."""
    data, target, _ = few_rows()
    estimator = RandomForestClassifier(n_estimators=3, random_state=0).fit(data, target)
    save_sklearn(
        path,
        estimator,
        signature=infer_signature(data),
        input_example=data.head(3),
        pyfunc_predict_fn="predict_log_proba",
    )


@sample(table(FLOWERS))
def one_score(path: Path) -> None:
    """`score` is one number for all rows."""
    data = few_rows()[0]
    estimator = KMeans(2, n_init=1, random_state=0).fit(data)
    save_sklearn(
        path,
        estimator,
        signature=infer_signature(data),
        input_example=data.head(3),
        pyfunc_predict_fn="score",
    )


@sample(table(FLOWERS))
def returns_sparse_labels(path: Path) -> None:
    """`predict` of one classifier for each of many labels is a sparse matrix."""
    data, target, _ = few_rows()
    labels = scipy.sparse.csr_matrix(np.column_stack([target == 0, target > 0]).astype(int))
    estimator = OneVsRestClassifier(LogisticRegression(max_iter=500)).fit(data, labels)
    save_sklearn(path, estimator, signature=infer_signature(data), input_example=data.head(3))


@sample(table(FLOWERS))
def wide_answers(path: Path) -> None:
    data = few_rows()[0]
    many = data.to_numpy() @ np.random.default_rng(0).normal(size=(4, 300))
    save_sklearn(
        path,
        LinearRegression().fit(data, many),
        signature=infer_signature(data, many),
        input_example=data.head(3),
    )


@sample(table(FLOWERS))
def names_of_flowers(path: Path) -> None:
    data, target, _ = few_rows()
    names = np.array(["iris setosa", "é", ""])[target]
    estimator = LogisticRegression(max_iter=500).fit(data, names)
    save_sklearn(path, estimator, signature=infer_signature(data, names), input_example=data.head(3))


@sample(table(FLOWERS))
def frames_out(path: Path) -> None:
    """A pipeline configured to return data frames, without a signature."""
    data, target, _ = few_rows()
    steps = make_pipeline(StandardScaler(), FunctionTransformer(), LogisticRegression(max_iter=500))
    save_sklearn(path, steps.set_output(transform="pandas").fit(data, target))


@sample(table(FLOWERS) + tensors(FLOWERS.to_numpy()))
def without_signature(path: Path) -> None:
    save_sklearn(path, fitted_iris()[1])


@sample(tensors(FLOWERS.to_numpy()) + documents({"inputs": FLOWERS.to_numpy().astype(int).tolist()}))
def rows_of_a_tensor(path: Path) -> None:
    data, _, amount = few_rows()
    signature = ModelSignature(inputs=Schema([TensorSpec(np.dtype("float64"), (-1, 4))]))
    save_sklearn(path, LinearRegression().fit(data.to_numpy(), amount), signature=signature)


# Trees.


@sample(table(FLOWERS))
def lightgbm_names(path: Path) -> None:
    import lightgbm
    import mlflow.lightgbm

    data, target, _ = few_rows()
    names = np.array(["a", "b", "c"])[target]
    mlflow.lightgbm.save_model(
        lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1).fit(data, names),
        str(path),
        signature=infer_signature(data, names),
        input_example=data.head(3),
        pip_requirements=["mlflow"],
    )


@sample(table(FLOWERS))
def lightgbm_chances(path: Path) -> None:
    import lightgbm
    import mlflow.lightgbm

    data, target, _ = few_rows()
    settings = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    save_trees(path, mlflow.lightgbm, lightgbm.train(settings, lightgbm.Dataset(data, target), 3))


@sample(table(FLOWERS))
def xgboost_numbers(path: Path) -> None:
    import mlflow.xgboost
    import xgboost

    data, _, amount = few_rows()
    save_trees(path, mlflow.xgboost, xgboost.train({"nthread": 1}, xgboost.DMatrix(data, amount), 3))


@sample(table(FLOWERS))
def xgboost_two_outputs(path: Path) -> None:
    import mlflow.xgboost
    import xgboost

    data, target, amount = few_rows()
    both = np.column_stack([target, amount])
    save_trees(path, mlflow.xgboost, xgboost.XGBRegressor(n_estimators=3, n_jobs=1).fit(data, both))


PETS = pd.DataFrame({"kind": ["cat", "dog", "cat", "emu", "dog"], "age": [1.0, 2.5, 9.0, 4.0, 2.0]})


def _catboost_options() -> dict[str, Any]:
    return {"iterations": 3, "verbose": 0, "thread_count": 1, "allow_writing_files": False, "random_seed": 0}


@sample(table(FLOWERS))
def catboost_names(path: Path) -> None:
    """A class for each row, each in a list of its own."""
    import catboost
    import mlflow.catboost

    data, target, _ = few_rows()
    names = np.array(["a", "b", "c"])[target]
    save_trees(path, mlflow.catboost, catboost.CatBoostClassifier(**_catboost_options()).fit(data, names))


@sample(table(PETS))
def catboost_texts(path: Path) -> None:
    """Trees that read words."""
    import catboost
    import mlflow.catboost

    model = catboost.CatBoostRegressor(**_catboost_options(), cat_features=["kind"])
    mlflow.catboost.save_model(
        model.fit(PETS, PETS["age"]),
        str(path),
        signature=infer_signature(PETS),
        input_example=PETS.head(2),
        pip_requirements=["mlflow"],
    )


# Statistics and time series.

SEASONS = pd.Series(np.arange(60) % 7 * 1.0, index=pd.date_range("2024-01-01", periods=60))
PERIODS = pd.DataFrame({"start": [pd.Timestamp("2024-03-01")], "end": [pd.Timestamp("2024-03-03")]})
POSITIONS = pd.DataFrame({"start": [60], "end": [64]})


def _save_statsmodels(path: Path, model: Any, **options: Any) -> None:
    import mlflow.statsmodels

    mlflow.statsmodels.save_model(model, str(path), pip_requirements=["statsmodels"], **options)


@sample(table(PERIODS, sizes=(1,)))
def arima_of_dates(path: Path) -> None:
    """One row of start and end a request."""
    import statsmodels.api

    model = statsmodels.api.tsa.ARIMA(SEASONS, order=(1, 0, 0)).fit()
    _save_statsmodels(path, model, input_example=PERIODS)


@sample(table(POSITIONS, sizes=(1,)) + table(pd.concat([POSITIONS] * 2), sizes=(2,)))
def arima_of_positions(path: Path) -> None:
    """Where two rows are refused, three answers to one row are none the less right."""
    import statsmodels.api

    model = statsmodels.api.tsa.ARIMA(SEASONS.to_numpy(), order=(1, 0, 0)).fit()
    _save_statsmodels(path, model, input_example=POSITIONS, signature=infer_signature(POSITIONS))


@sample(table(POSITIONS, sizes=(1,)))
def arima_without_example(path: Path) -> None:
    import statsmodels.api

    model = statsmodels.api.tsa.ARIMA(SEASONS.to_numpy(), order=(1, 0, 0)).fit()
    _save_statsmodels(path, model, signature=infer_signature(POSITIONS))


@sample(table(FLOWERS))
def least_squares(path: Path) -> None:
    import statsmodels.api

    data, _, amount = few_rows()
    model = statsmodels.api.OLS(amount, data).fit()
    _save_statsmodels(path, model, input_example=data.head(2), signature=infer_signature(data))


@sample(table(PETS))
def least_squares_of_a_formula(path: Path) -> None:
    import statsmodels.formula.api

    known = pd.concat([PETS] * 3, ignore_index=True)
    model = statsmodels.formula.api.ols("weight ~ C(kind) + age", known.assign(weight=np.arange(15.0))).fit()
    _save_statsmodels(path, model, input_example=PETS.head(2), signature=infer_signature(PETS))


DAYS = pd.DataFrame({"ds": pd.date_range("2024-03-01", periods=5)})


@sample(table(DAYS))
def prophet_days(path: Path) -> None:
    import mlflow.prophet
    import prophet

    model = prophet.Prophet(uncertainty_samples=0, weekly_seasonality=True)
    model.fit(pd.DataFrame({"ds": SEASONS.index, "y": SEASONS.to_numpy()}))
    mlflow.prophet.save_model(
        model,
        str(path),
        signature=infer_signature(DAYS),
        input_example=DAYS.head(2),
        pip_requirements=["prophet"],
    )


@sample(
    documents(
        {"dataframe_records": [{"n_periods": 3}]},
        {"dataframe_split": {"columns": ["n_periods"], "data": [[4]]}},
        {"dataframe_records": [{"n_periods": 2, "return_conf_int": True, "alpha": 0.1}]},
        {"inputs": [{"n_periods": 3}]},
        {"inputs": {"n_periods": [3]}},
        {"dataframe_records": [{"n_periods": 3}, {"n_periods": 3}]},
    )
)
def pmdarima_periods(path: Path) -> None:
    import mlflow.pmdarima
    import pmdarima

    model = pmdarima.ARIMA(order=(1, 0, 0)).fit(SEASONS.to_numpy())
    example = pd.DataFrame({"n_periods": [3]})
    mlflow.pmdarima.save_model(model, str(path), input_example=example, pip_requirements=["pmdarima"])


# Graphs and language.


@sample(table(FLOWERS.astype("float32")) + tensors(FLOWERS.to_numpy(dtype="float32")))
def graph_of_two_outputs(path: Path) -> None:
    """Labels, and chances as a list of dictionaries."""
    import mlflow.onnx
    from skl2onnx import to_onnx

    data, target, _ = few_rows()
    names = np.array(["a", "b", "c"])[target]
    matrix = data.to_numpy(dtype="float32")
    graph = to_onnx(LogisticRegression(max_iter=500).fit(matrix, names), matrix[:1])
    mlflow.onnx.save_model(graph, str(path), pip_requirements=["mlflow"])


@sample(tensors(FLOWERS.to_numpy(dtype="float32")))
def graph_of_a_tensor(path: Path) -> None:
    import mlflow.onnx
    from skl2onnx import to_onnx

    data, _, amount = few_rows()
    matrix = data.to_numpy(dtype="float32")
    graph = to_onnx(LinearRegression().fit(matrix, amount), matrix[:1])
    signature = ModelSignature(inputs=Schema([TensorSpec(np.dtype("float32"), (-1, 4))]))
    mlflow.onnx.save_model(
        graph, str(path), signature=signature, input_example=matrix[:2], pip_requirements=["mlflow"]
    )


REVIEWS = pd.DataFrame({"text": ["good", "bad, bad", "", "so-so", "good good"]})


@sample(table(REVIEWS))
def spacy_categories(path: Path) -> None:
    """A dictionary in each cell."""
    import mlflow.spacy
    import spacy
    from spacy.training import Example

    pipeline = spacy.blank("en")
    categories = pipeline.add_pipe("textcat")
    for label in ("GOOD", "BAD"):
        categories.add_label(label)
    known = [("good", {"GOOD": 1.0, "BAD": 0.0}), ("bad", {"GOOD": 0.0, "BAD": 1.0})]
    examples = [Example.from_dict(pipeline.make_doc(text), {"cats": cats}) for text, cats in known]
    optimizer = pipeline.initialize(lambda: examples)
    for _ in range(2):
        pipeline.update(examples, sgd=optimizer)
    mlflow.spacy.save_model(
        pipeline,
        str(path),
        signature=infer_signature(REVIEWS),
        input_example=REVIEWS.head(2),
        pip_requirements=["spacy"],
    )


# Python code: what predict may return.

NUMBERS = pd.DataFrame({"x": [1.0, 2.0, -3.5, 2.0, 1e300]})


class Returning(mlflow.pyfunc.PythonModel):
    """Returns what a function makes of the input frame."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.function = function

    def predict(self, context, model_input, params=None):
        return self.function(model_input)


RETURNS: dict[str, Callable[[pd.DataFrame], Any]] = {
    "object": lambda frame: {"sum": float(frame["x"].sum()), "rows": len(frame)},
    "object_of_arrays": lambda frame: {"x": frame["x"].to_numpy(), "twice": frame["x"].to_numpy() * 2},
    "number": lambda frame: float(frame["x"].sum()),
    "whole_number": len,
    "numpy_number": lambda frame: frame["x"].sum(),
    "text": lambda frame: f"{len(frame)} rows, ü",
    "truth": lambda frame: bool(len(frame) > 1),
    "nothing": lambda frame: None,
    "one_row": lambda frame: frame[["x"]].sum().to_frame().T,
    "no_rows": lambda frame: frame[frame["x"] > 1e301],
    "more_rows": lambda frame: [0.5] * (2 * len(frame)),
    "tuple": lambda frame: (1, 2.5, "three"),
    "records": lambda frame: [{"x": value, "big": value > 1} for value in frame["x"]],
    "nested_lists": lambda frame: [[[value], []] for value in frame["x"]],
    "series": lambda frame: frame["x"].rename("twice") * 2,
    "series_of_texts": lambda frame: frame["x"].astype(str),
    "frame_of_times": lambda frame: pd.DataFrame({"at": [pd.Timestamp("2024-02-29T12:30:00")] * len(frame)}),
    "frame_with_index": lambda frame: frame.set_index(pd.Index([f"r{at}" for at in range(len(frame))])),
    "frame_of_lists": lambda frame: pd.DataFrame({"pair": [[value, 0.0] for value in frame["x"]]}),
    "categories": lambda frame: pd.DataFrame({"size": pd.Categorical(["s"] * len(frame), ["s", "l"])}),
    "texts_array": lambda frame: np.array(["a" * (1 + at) for at in range(len(frame))]),
    "objects_array": lambda frame: np.array([None, *frame["x"]], dtype=object),
    "cube": lambda frame: np.ones((len(frame), 2, 2), dtype="float32"),
    "zero_dimensions": lambda frame: np.array(2.5),
    "infinities": lambda frame: np.array([np.inf, -np.inf, np.nan]),
    "lists_with_gaps": lambda frame: [None, float("nan"), 1.0],
    "moment": lambda frame: [dt.datetime(2024, 2, 29, 12, 30)] * len(frame),  # noqa: DTZ001
    "bytes": lambda frame: [b"\x00\xff"] * len(frame),
    "set": lambda frame: {1, 2},
    "generator": lambda frame: (value for value in frame["x"]),
    "sparse": lambda frame: scipy.sparse.csr_matrix(frame.to_numpy()),
    "complex": lambda frame: np.array([1 + 2j]),
    "huge_integers": lambda frame: [2**70, -(2**63)],
}


def _return(name: str, function: Callable[[pd.DataFrame], Any]) -> None:
    """Two models that return the same: one that promises nothing, one with a signature and an example."""

    def bare(path: Path) -> None:
        save_python(path, Returning(function))

    def typed(path: Path) -> None:
        save_python(
            path, Returning(function), signature=infer_signature(NUMBERS), input_example=NUMBERS.head(2)
        )

    bare.__name__, typed.__name__ = f"returns_{name}", f"returns_{name}_typed"
    few = [body for rows in (1, 3) for body in _forms(NUMBERS.head(rows))[3::2]]
    for save in (bare, typed):
        sample(few)(save)


for _name, _function in RETURNS.items():
    _return(_name, _function)


# Python code: what predict may take.


@sample(
    documents(
        {"inputs": ["a", "bc"]}, {"inputs": []}, {"inputs": ["é"]}, {"inputs": [1]}, {"instances": ["a"]}
    )
)
def hint_of_texts(path: Path) -> None:
    class Lengths(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[str], params=None) -> list[int]:
            return [len(text) for text in model_input]

    save_python(path, Lengths(), input_example=["a"])


@sample(
    documents(
        {"inputs": [{"role": "u", "n": 1}]},
        {"inputs": [{"role": "u", "n": 1, "opt": 2}] * 2},
        {"inputs": [{}]},
    )
)
def hint_of_messages(path: Path) -> None:
    class Messages(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[Msg], params=None) -> list[dict[str, Any]]:
            return [message.model_dump() for message in model_input]

    save_python(path, Messages(), input_example=[{"role": "u", "n": 1}])


@sample(
    documents(
        {"inputs": [{"a": 1.0}]},
        {"inputs": [{"a": 1.0}, {"a": 2.5}]},
        {"inputs": [{"a": 1.0}, {"b": 2}]},
        {"inputs": [{"a": "x"}]},
    )
)
def hint_of_dictionaries(path: Path) -> None:
    class Sums(mlflow.pyfunc.PythonModel):
        def predict(self, model_input: list[dict[str, float]], params=None) -> list[float]:
            return [sum(entry.values()) for entry in model_input]

    save_python(path, Sums(), input_example=[{"a": 1.0}])


@sample(documents({"inputs": ["a", "b"]}, {"inputs": ["a"]}, {"inputs": [2]}))
def function_of_texts(path: Path) -> None:
    """A bare function instead of a class."""

    def shout(model_input: list[str]) -> list[str]:
        return [text.upper() for text in model_input]

    save_python(path, shout, input_example=["a"])


CODE = """
import mlflow


class FromCode(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return (model_input["x"] * 3).tolist()


mlflow.models.set_model(FromCode())
"""


@sample(table(NUMBERS.head(4)))
def from_code(path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model_code.py"
        file.write_text(CODE)
        save_python(path, str(file), signature=infer_signature(NUMBERS), input_example=NUMBERS.head(2))


LOADER = """
from pathlib import Path


class Loaded:
    def __init__(self, factor):
        self.factor = factor

    def predict(self, frame):
        return frame["x"].to_numpy() * self.factor


def _load_pyfunc(path):
    return Loaded(float(Path(path).read_text()))
"""


@sample(table(NUMBERS.head(4)))
def own_loader(path: Path) -> None:
    """A custom flavor: a loader module, its data and its code."""
    with tempfile.TemporaryDirectory() as folder:
        code, data = Path(folder) / "davit_sample_loader.py", Path(folder) / "factor.txt"
        code.write_text(LOADER)
        data.write_text("1.5")
        mlflow.pyfunc.save_model(
            str(path),
            loader_module="davit_sample_loader",
            data_path=str(data),
            code_paths=[str(code)],
            signature=infer_signature(NUMBERS),
            pip_requirements=["mlflow"],
        )


@sample(
    documents(
        {"messages": [{"role": "user", "content": "hello"}]},
        {"messages": [{"role": "user", "content": "hello"}], "temperature": 0.5, "max_tokens": 5},
        {"messages": []},
        {"inputs": {"messages": [{"role": "user", "content": "hello"}]}},
        {"dataframe_records": [{"messages": [{"role": "user", "content": "hello"}]}]},
    )
)
def chat(path: Path) -> None:
    from mlflow.types.llm import ChatChoice, ChatCompletionResponse, ChatMessage

    class Parrot(mlflow.pyfunc.ChatModel):
        def predict(self, context, messages, params):
            text = f"{messages[-1].content}, {params.temperature}"
            message = ChatMessage(role="assistant", content=text)
            return ChatCompletionResponse(choices=[ChatChoice(index=0, message=message)], created=1, id="1")

    save_python(path, Parrot())


@sample(
    documents(
        {"input": [{"role": "user", "content": "hello"}]},
        {"input": [{"role": "user", "content": "hello"}], "custom_inputs": {"a": 1}},
        {"input": [{"role": "user"}]},
        {"inputs": {"input": [{"role": "user", "content": "hello"}]}},
    )
)
def responses(path: Path) -> None:
    from mlflow.types.responses import ResponsesAgentResponse

    class Agent(mlflow.pyfunc.ResponsesAgent):
        def predict(self, request):
            text = self.create_text_output_item(text=f"{len(request.input)} messages", id="1")
            return ResponsesAgentResponse(output=[text], id="1", created_at=1)

        def predict_stream(self, request):
            yield from ()

    save_python(path, Agent())


@sample(
    documents(
        {"inputs": {"a": [[1.0, 2.0], [3.0, 4.0]], "b": [1, 2]}},
        {"inputs": {"a": [[1.0, 2.0]], "b": [7]}},
        {"instances": [{"a": [1.0, 2.0], "b": 1}, {"a": [3.0, 4.0], "b": 2}]},
        {"inputs": {"a": [[1.0, 2.0]]}},
    )
)
def named_tensors(path: Path) -> None:
    class Sums(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input["a"].sum(axis=1) + model_input["b"]

    inputs = Schema(
        [TensorSpec(np.dtype("float64"), (-1, 2), "a"), TensorSpec(np.dtype("int64"), (-1,), "b")]
    )
    save_python(path, Sums(), signature=ModelSignature(inputs=inputs))


@sample(tensors(np.arange(48, dtype="uint8").reshape(4, 2, 2, 3)))
def pictures(path: Path) -> None:
    class Brightness(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return model_input.mean(axis=(1, 2))

    inputs = Schema([TensorSpec(np.dtype("uint8"), (-1, 2, 2, 3))])
    save_python(path, Brightness(), signature=ModelSignature(inputs=inputs))


@sample(
    table(
        pd.DataFrame(
            {
                "i": [1, 2, 3],
                "n": [1, 2, 3],
                "f": [0.5, 1.5, 2.5],
                "s": ["a", "", "ü"],
                "b": [True, False, True],
                "d": pd.to_datetime(["2024-02-29", "2024-03-01", "1970-01-01"]),
                "o": [1.0, None, 3.0],
            }
        ),
        sizes=(1, 3),
    )
)
def every_type(path: Path) -> None:
    class Types(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [f"{name}:{model_input[name].dtype}" for name in model_input.columns]

    kinds = {"i": "integer", "n": "long", "f": "float", "s": "string", "b": "boolean", "d": "datetime"}
    columns = [ColSpec(kind, name) for name, kind in kinds.items()]
    columns.append(ColSpec("double", "o", required=False))
    save_python(path, Types(), signature=ModelSignature(inputs=Schema(columns)))


NESTED = pd.DataFrame(
    {
        "tags": [["a", "b"], [], ["c"]],
        "person": [{"name": "ann", "age": 3}, {"name": "bob", "age": 4}, {"name": "cem", "age": 5}],
    }
)


@sample(table(NESTED, sizes=(1, 3)))
def nested_types(path: Path) -> None:
    class Nested(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            rows = model_input.to_dict("records")
            return [f"{len(row['tags'])} {row['person']['name']}" for row in rows]

    save_python(path, Nested(), signature=infer_signature(NESTED), input_example=NESTED.head(2))


@sample(
    documents(
        {"dataframe_records": [{"x": 1.0}], "params": {"scale": 3.0}},
        {"dataframe_records": [{"x": 1.0}], "params": {"scale": 2}},
        {"dataframe_records": [{"x": 1.0}], "params": {"names": ["b", "c"]}},
        {"dataframe_records": [{"x": 1.0}], "params": {"other": 1}},
        {"dataframe_records": [{"x": 1.0}], "params": {"scale": "x"}},
        {"inputs": [{"x": 1.0}, {"x": 2.0}], "params": {}},
    )
)
def with_params(path: Path) -> None:
    class Scaled(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            return [f"{x * params['scale']} {'+'.join(params['names'])}" for x in model_input["x"]]

    signature = infer_signature(NUMBERS, params={"scale": 1.0, "names": ["a"]})
    save_python(path, Scaled(), signature=signature)


@sample(table(NUMBERS.head(4)))
def refuses_negative(path: Path) -> None:
    """Raises on some rows, and on no others."""

    class Refusing(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            if (model_input["x"] < 0).any():
                raise ValueError("negative")
            return np.sqrt(model_input["x"])

    save_python(path, Refusing(), signature=infer_signature(NUMBERS), input_example=NUMBERS.head(1))


# Python code: what loads in the main thread of `mlflow models serve` only.


class Loading(mlflow.pyfunc.PythonModel):
    """Doubles, once a function of no arguments has been called to load it."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function

    def load_context(self, context):
        self.function()

    def predict(self, context, model_input, params=None):
        return (model_input["x"] * 2).tolist()


def handle_a_signal() -> None:
    import signal

    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def wake_up_by_a_signal() -> None:
    import signal

    signal.set_wakeup_fd(signal.set_wakeup_fd(-1))


def take_the_event_loop() -> None:
    import asyncio

    asyncio.get_event_loop().is_running()


MAIN_THREAD_ONLY = (handle_a_signal, wake_up_by_a_signal, take_the_event_loop)


def _load_by(function: Callable[[], Any]) -> None:
    def save(path: Path) -> None:
        options = {"signature": infer_signature(NUMBERS), "input_example": NUMBERS.head(1)}
        save_python(path, Loading(function), **options)

    save.__name__ = function.__name__
    saver(save)


for _load in MAIN_THREAD_ONLY:
    _load_by(_load)
