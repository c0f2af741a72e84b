"""The guides, each script as it stands, with a client of MLflow 3 and one of MLflow 2, against the installed stack.

The clients reach MLflow by its Service's name, from inside the cluster's network. What they have left is
then read over the REST API and held against what must be there, not against what they print.
"""

import json
from collections.abc import Iterator

import pytest
import yaml
from support.cluster.live import Place
from support.stack.guides import CLIENTS, FOLDER, SCRIPTS, Guides, Walks
from support.stack.release import StackRelease

from examples.demo.charts import Helm
from examples.demo.kubectl import Kubectl


@pytest.fixture(scope="module", params=CLIENTS)
def guides(request, walks: Walks) -> Guides:
    walks.begin([*CLIENTS], SCRIPTS)
    return walks.of(request.param)


@pytest.fixture(scope="module")
def experiments(guides: Guides) -> str:
    return guides.follow("01_experiments.py")


@pytest.fixture(scope="module")
def registry(guides: Guides) -> str:
    return guides.follow("10_registry.py")


def test_experiments_keep_nesting_parameters_histories_and_tags(guides: Guides, experiments: str):
    tracking = guides.stack.tracking
    parent, *attempts = tracking.runs("guide 1: experiments")
    assert (parent.name, parent.status, parent.parent) == ("learning rates", "FINISHED", "")
    assert parent.params == {"start": "4.0", "steps": "10"}
    assert parent.tags["curve"] == "parabola"
    assert tracking.artifact(f"{parent.artifacts}/notes.txt") == b"Below 1.0 it converges.\n"
    assert [attempt.params for attempt in attempts] == [{"rate": "0.05"}, {"rate": "0.4"}, {"rate": "1.1"}]
    assert [attempt.tags["verdict"] for attempt in attempts] == ["converges", "converges", "diverges"]
    for attempt in attempts:
        assert (attempt.parent, attempt.status) == (parent.id, "FINISHED")
        shrinks = (1 - 2 * float(attempt.params["rate"])) ** 2
        heights = [16 * shrinks ** (step + 1) for step in range(10)]
        assert tracking.history(attempt, "height") == [
            (step, pytest.approx(height)) for step, height in enumerate(heights)
        ]
        assert attempt.metrics == {"height": pytest.approx(heights[-1])}
    tags = tracking.experiment("guide 1: experiments")["tags"]
    assert {"key": "topic", "value": "gradient descent"} in tags
    assert [line.split()[0] for line in experiments.splitlines() if "converges" in line] == ["0.4", "0.05"]


def test_a_search_over_rest_combines_parameters_metrics_and_tags(guides: Guides, experiments: str):
    condition = "tags.verdict = 'converges' and metrics.height < 1 and params.rate = '0.4'"
    found = guides.stack.tracking.runs("guide 1: experiments", condition)
    assert {attempt.name for attempt in found} == {"rate 0.4"}
    worst = guides.stack.tracking.runs("guide 1: experiments", "metrics.height > 0", "metrics.height DESC")[0]
    assert worst.name == "rate 1.1"


def test_autolog_of_scikit_learn_keeps_every_parameter_and_metric(guides: Guides):
    guides.follow("02_autolog_sklearn.py")
    tracking, expected = guides.stack.tracking, guides.trainings["sklearn"]
    [run] = tracking.runs("guide 2: scikit-learn")
    assert run.params == expected["params"]
    assert {name: run.metrics[name] for name in expected["metrics"]} == pytest.approx(expected["metrics"])
    assert run.tags["estimator_name"] == "LogisticRegression"
    assert "sklearn" in tracking.model(run)["flavors"]


@pytest.mark.parametrize(
    ("script", "library", "experiment", "metric"),
    [
        ("03_autolog_xgboost.py", "xgboost", "guide 3: XGBoost", "valid-mlogloss"),
        ("04_autolog_lightgbm.py", "lightgbm", "guide 4: LightGBM", "valid-multi_logloss"),
    ],
)
def test_autolog_of_boosted_trees_keeps_every_round(
    guides: Guides, script: str, library: str, experiment: str, metric: str
):
    guides.follow(script)
    tracking, expected = guides.stack.tracking, guides.trainings[library]
    [run] = tracking.runs(experiment)
    params = {name: str(value) for name, value in expected["params"].items()}
    assert {name: run.params[name] for name in params} == params
    assert run.params["num_boost_round"] == "8"
    history = tracking.history(run, metric)
    assert history == [(step, pytest.approx(loss, rel=1e-4)) for step, loss in enumerate(expected["history"])]
    assert library in tracking.model(run)["flavors"]
    assert b"PNG" in tracking.artifact(f"{run.artifacts}/feature_importance_{importance(library)}.png")[:4]


def importance(library: str) -> str:
    return {"xgboost": "weight", "lightgbm": "split"}[library]


def test_autolog_of_keras_keeps_every_epoch(guides: Guides):
    guides.follow("05_autolog_keras.py")
    tracking, expected = guides.stack.tracking, guides.trainings["keras"]
    [run] = tracking.runs("guide 5: Keras")
    assert run.params["epochs"] == "5"
    assert run.params["batch_size"] == "50"
    for metric, values in expected["history"].items():
        steps = tracking.history(run, metric)
        assert steps == [(step, pytest.approx(value, rel=1e-3)) for step, value in enumerate(values)]
    assert "keras" in tracking.model(run)["flavors"]


def test_every_attempt_of_a_hyperopt_search_is_a_nested_run(guides: Guides):
    guides.follow("06_hyperopt.py")
    search, *attempts = guides.stack.tracking.runs("guide 6: hyperopt")
    assert len(attempts) == 6
    assert {attempt.parent for attempt in attempts} == {search.id}
    expected = guides.cross_validation([attempt.params["C"] for attempt in attempts])
    kept = {attempt.params["C"]: attempt.metrics["accuracy"] for attempt in attempts}
    assert kept == pytest.approx(expected)
    assert kept[search.params["best_C"]] == max(kept.values())


def test_a_project_runs_with_its_parameters(guides: Guides):
    experiment = "guide 7: a Project"
    where = ("--env-manager", "local", "--experiment-name", experiment)
    for degree in ("1", "5"):
        guides.run("mlflow", "run", "07_project", *where, "-P", f"degree={degree}")
    line, curve = guides.stack.tracking.runs(experiment)
    assert line.params == {"degree": "1", "noise": "0.1"}
    assert curve.params == {"degree": "5", "noise": "0.1"}
    assert line.metrics["error"] > curve.metrics["error"] > 0
    assert {run.status for run in (line, curve)} == {"FINISHED"}
    assert {run.tags["mlflow.source.type"] for run in (line, curve)} == {"PROJECT"}
    assert {run.tags["mlflow.project.entryPoint"] for run in (line, curve)} == {"main"}


def test_a_model_is_loaded_back_by_every_kind_of_uri(guides: Guides):
    lines = [line.split(maxsplit=2) for line in guides.follow("08_log_and_load.py").splitlines()]
    answers = {
        words[0]: words[2]
        for words in lines
        if len(words) == 3 and words[1].startswith(("models:/", "runs:/"))
    }
    kinds = {"version", "alias", "stage", "run"}
    if guides.client.startswith("3."):
        kinds.add("model")  # models have had an identity of their own only since MLflow 3
    assert answers == dict.fromkeys(kinds, "same answers")
    [version] = guides.stack.tracking.versions("guide-flowers").values()
    assert version["current_stage"] == "Production"
    assert guides.stack.tracking.aliases("guide-flowers") == {"champion": version["version"]}


def test_a_custom_class_is_a_model(guides: Guides):
    said = guides.follow("09_python_model.py")
    assert said.splitlines()[-2:] == [
        "['setosa', 'virginica', 'virginica']",
        "['setosa', 'unsure', 'virginica']",
    ]
    [run] = guides.stack.tracking.runs("guide 9: a model of your own")
    flavor = guides.stack.tracking.model(run)["flavors"]["python_function"]
    assert flavor["loader_module"] == "mlflow.pyfunc.model"
    assert set(flavor["artifacts"]) == {"classifier", "names"}
    [version] = guides.stack.tracking.versions("guide-species").values()
    assert version["run_id"] == run.id


def test_versions_are_promoted_archived_and_rolled_back(guides: Guides, registry: str):
    assert [" ".join(line.split()) for line in registry.splitlines() if "champion is" in line] == [
        "before v1 Production, v2 None, v3 Staging; champion is v1",
        "promoted v1 Archived, v2 Production, v3 Staging; champion is v2",
        "rolled back v1 Production, v2 Archived, v3 Staging; champion is v1",
    ]
    tracking = guides.stack.tracking
    versions = tracking.versions("guide-registry")
    stages = {number: version["current_stage"] for number, version in versions.items()}
    assert stages == {"1": "Production", "2": "Archived", "3": "Staging"}
    assert tracking.aliases("guide-registry") == {"champion": "1"}
    strengths = {number: version["tags"] for number, version in versions.items()}
    assert strengths == {
        number: [{"key": "C", "value": value}]
        for number, value in zip("123", ("0.1", "1.0", "10.0"), strict=True)
    }
    runs = {run.id: run.params for run in tracking.runs("guide 10: registry")}
    assert [runs[versions[number]["run_id"]] for number in "123"] == [
        {"C": "0.1"},
        {"C": "1.0"},
        {"C": "10.0"},
    ]
    assert versions["1"]["description"] == "The careful one"
    model = tracking.get("/registered-models/get", name="guide-registry")["registered_model"]
    assert model["description"] == "Flowers by their measures"


def test_a_data_frame_is_answered_row_by_row_and_a_missing_column_refused(guides: Guides):
    said = guides.follow("11_inference.py")
    rows = [line.split() for line in said.splitlines() if line[:1].isdigit()]
    assert {row[0]: row[-1] for row in rows} == {"14": "0", "98": "1", "75": "1", "16": "0", "131": "2"}
    assert "rejected: Failed to enforce schema" in said
    tracking = guides.stack.tracking
    [run] = tracking.runs("guide 11: inference")
    assert tracking.model(run)["flavors"]["sklearn"]["serialization_format"] == "cloudpickle"
    assert tracking.aliases("guide-forest") == {"champion": "1"}


@pytest.fixture(scope="module")
def operator(walks: Walks, helm: Helm, kubectl: Kubectl, definition: None) -> Iterator[None]:
    """One operator for the namespaces of both clients; it lives beside the first one's MLflow."""
    namespaces = [walks.of(client).stack.namespace for client in CLIENTS]
    home = StackRelease(helm, Place(kubectl, namespaces[0]), [])
    home.install_operator(watchNamespaces=namespaces)
    yield
    home.uninstall_operator()


def test_what_the_guides_registered_is_served(
    guides: Guides, registry: str, operator: None, kubectl: Kubectl
):
    deployment = yaml.safe_load((FOLDER / "12_serving.yaml").read_text())
    deployment["metadata"]["namespace"] = guides.stack.namespace
    # The one thing that the file leaves to the operator, which may have been connected to another stack.
    deployment["spec"]["model"]["registry"] = {"url": guides.stack.url}
    kubectl.apply(deployment)
    place = Place(kubectl, guides.stack.namespace)
    place.wait_ready("guide-registry", version=1)
    answer = place.ask("guide-registry", json.loads((FOLDER / "12_request.json").read_text()))
    assert (answer.status, answer.predictions, answer.version) == (200, [0, 1, 2], "1")
