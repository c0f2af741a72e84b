"""From a training script to answers: the way a first-time user goes."""

import pytest
from support.cluster.live import Place, forward_mlflow

from examples.demo.kubectl import Object
from examples.demo.serving import send
from examples.demo.stage import REQUEST
from examples.demo.training import predict_locally, train
from examples.demo.waiting import until

NAME = "iris-example"


@pytest.fixture(scope="module")
def trained(kubectl, installed) -> int:
    with forward_mlflow(kubectl) as url:
        return train(url, "--name", NAME, "--evaluations", "2", "--alias", "champion")[0]


@pytest.fixture
def deployed(place: Place, trained: int) -> Object:
    place.deploy("first", f"models:/{NAME}@champion")
    place.run("wait", "--for=condition=Ready", "modeldeployment/first", "--timeout=240s")
    return place.deployment("first")


def test_the_example_serves_what_the_model_itself_answers(place: Place, deployed, trained: int, mlflow: str):
    answer = place.ask("first")
    assert answer.status == 200
    assert answer.predictions == predict_locally(mlflow, f"models:/{NAME}/{trained}", REQUEST)
    assert answer.version == str(trained)
    assert answer.headers["x-davit-model"] == NAME
    assert answer.headers["x-davit-run-id"] == deployed["status"]["model"]["serving"]["runId"]

    columns = place.run("get", "modeldeployment", "first", "--no-headers").split()
    assert columns[:3] == ["first", "True", "Serving"]
    assert f"models:/{NAME}@champion" in columns
    assert "1/1" in columns

    with place.kubectl.forward(place.namespace, "svc/first", 80) as url:
        metrics = send(url, path="/metrics").body
        refused = send(url, {"nonsense": True})
    assert f'version="{trained}"' in metrics
    assert refused.status == 400
    assert "stack_trace" not in refused.body


def test_deleting_the_model_deployment_deletes_its_objects(place: Place, deployed):
    place.run("delete", "modeldeployment", "first", "--wait=true", "--timeout=60s")

    def nothing() -> bool:
        kinds = "deploy,rs,pods,svc,pdb,modeldeployment"
        return place.get(kinds)["items"] == []

    until(nothing, "the children of a deleted ModelDeployment to go", seconds=120)
