"""The steps of the demo: one function each, run in order by `tell`."""

import json
import re
from dataclasses import dataclass

from devcluster.commands import CommandFailed
from devcluster.errors import DevclusterError
from examples.demo import promotion
from examples.demo.charts import Helm
from examples.demo.cluster import Cluster, find_tool
from examples.demo.kubectl import Kubectl
from examples.demo.narration import Narrator
from examples.demo.registry import move_alias
from examples.demo.serving import ask, condition, says, serving_version
from examples.demo.stage import (
    ALIAS,
    MANIFEST,
    MISSING_ALIAS,
    MODEL,
    MODEL_NAMESPACE,
    NAMESPACE,
    QUESTION,
    TYPING_ERROR,
    install_operator,
    install_stack,
    mlflow,
)
from examples.demo.training import ask_model, train
from examples.demo.waiting import until


class NotAsPromised(DevclusterError):
    """The demo observed behaviour that Davit's documentation excludes."""


@dataclass(frozen=True)
class Scene:
    """What every step after the cluster's start needs."""

    kubectl: Kubectl
    tell: Narrator


def tell(cluster: Cluster, narrator: Narrator) -> None:
    """Run every step, from an empty machine to a second version in production."""
    with narrator.step(f"A Kubernetes cluster named {cluster.name}"):
        cluster.up()
    with narrator.step("The images: operator, server, MLflow and what it stands on"):
        images = cluster.load_images()
    scene = Scene(cluster.kubectl(), narrator)
    with narrator.step(f"Two Helm charts, mlflow-stack and davit-operator, in namespace {NAMESPACE}"):
        install(scene, images)
    first = train_first(scene)
    deploy(scene, first)
    compare(scene, first)
    show_metrics(scene)
    second = train_second(scene)
    promote(scene, first, second)
    show_errors(scene)
    show_next(cluster, scene)
    narrator.end("That was Davit.")


def install(scene: Scene, images: list[str]) -> None:
    """Install both charts as their READMEs describe."""
    helm = Helm(find_tool("helm"), scene.kubectl.environment, say=scene.tell.say)
    install_stack(helm, images)
    install_operator(helm, scene.kubectl, resolve_seconds=5)


def train_first(scene: Scene) -> int:
    """Train and register a first version, and set the alias champion to it."""
    with scene.tell.step("A first model: iris flowers, a search over its parameters, all of it in MLflow"):
        scene.tell.say(f"$ python examples/train_iris.py --alias {ALIAS}")
        with mlflow(scene.kubectl) as url:
            version, said = train(url, "--alias", ALIAS)
        scene.tell.say(said)
    return version


def deploy(scene: Scene, version: int) -> None:
    """Apply the six-line manifest and wait until it is Ready."""
    with scene.tell.step("Six lines that put it into production"):
        scene.tell.say(MANIFEST.read_text())
        scene.tell.say(f"$ kubectl -n {MODEL_NAMESPACE} apply -f examples/iris.yaml")
        scene.kubectl.ensure_namespace(MODEL_NAMESPACE)
        scene.kubectl("apply", "--namespace", MODEL_NAMESPACE, "-f", str(MANIFEST))
        wait_for_version(scene.kubectl, version)
        scene.tell.say(f"$ kubectl -n {MODEL_NAMESPACE} get modeldeployment")
        scene.tell.say(scene.kubectl("get", "modeldeployment", "--namespace", MODEL_NAMESPACE))


def wait_for_version(kubectl: Kubectl, version: int) -> None:
    """Wait until this version, and only this version, answers."""

    def serves() -> bool:
        found = kubectl.get("modeldeployment", MODEL, "--namespace", MODEL_NAMESPACE)
        return serving_version(found) == str(version) and condition(found, "Ready").get("status") == "True"

    def status() -> str:
        return says(kubectl.get("modeldeployment", MODEL, "--namespace", MODEL_NAMESPACE))

    until(serves, f"version {version} to serve", seconds=300, hint=status)


def compare(scene: Scene, version: int) -> None:
    """Compare the pods' answer with the model's own."""
    with scene.tell.step("A prediction through the Service, beside the model's own answer"):
        with scene.kubectl.forward(MODEL_NAMESPACE, f"svc/{MODEL}", 80) as url:
            answer = ask(url, QUESTION)
        with mlflow(scene.kubectl) as url:
            own = ask_model(url, f"models:/{MODEL}/{version}", QUESTION)
        scene.tell.say(f"POST /invocations     {answer.status} {answer.body.strip()}")
        scene.tell.say(f"X-Davit-Model-Version {answer.version}")
        scene.tell.say(f"the model itself      {json.dumps(own)}")
        if answer.status != 200 or answer.predictions != own:
            raise NotAsPromised("the pods do not answer what the model itself answers")


def show_metrics(scene: Scene) -> None:
    """Print some of the metrics that Prometheus would scrape."""
    with scene.tell.step("What the server counts, for Prometheus"):
        with scene.kubectl.forward(MODEL_NAMESPACE, f"svc/{MODEL}", 80) as url:
            metrics = ask(url, path="/metrics").body
        moved = r"^davit_\w+(?:_total|_count|_load_seconds)\{.*\} (?!0\.0$)\S+$"
        scene.tell.say("\n".join(re.findall(moved, metrics, re.MULTILINE)[:8]))


def train_second(scene: Scene) -> int:
    """Train another family of model, which does not change what is served."""
    with scene.tell.step("A second model, a random forest; it is registered, and nothing moves yet"):
        scene.tell.say("$ python examples/train_iris.py --family forest")
        with mlflow(scene.kubectl) as url:
            version, said = train(url, "--family", "forest", "--evaluations", "4")
        scene.tell.say(said)
    return version


def promote(scene: Scene, first: int, second: int) -> None:
    """Move the alias under steady load and count the requests."""
    with scene.tell.step(f"Promotion under load: {MODEL}@{ALIAS} moves from version {first} to {second}"):
        with promotion.load(scene.kubectl) as traffic:
            traffic.wait_for(100)
            with mlflow(scene.kubectl) as url:
                move_alias(url, MODEL, ALIAS, second)
            scene.tell.say("the alias has moved; requests keep coming")
            wait_for_version(scene.kubectl, second)
            traffic.wait_for(200, version=str(second))
            counts = traffic.stop()
        scene.tell.say(promotion.describe(counts))
        if counts["failed"]:
            raise NotAsPromised(
                f"{counts['failed']} requests failed while the alias moved: {counts['failures']}"
            )


def show_errors(scene: Scene) -> None:
    """Make two mistakes: one that the API server rejects, one that only the registry can detect."""
    with scene.tell.step("Two mistakes, and what one is told"):
        scene.tell.say(f"a typing error, uri: {TYPING_ERROR['spec']['model']['uri']}")
        try:
            scene.kubectl.apply(TYPING_ERROR)
        except CommandFailed as refusal:
            scene.tell.say(f"  {refusal.output.strip()}")
        else:
            raise NotAsPromised("Kubernetes accepted a reference that has none of the six forms")
        scene.tell.say(f"an alias that nobody set, uri: {MISSING_ALIAS['spec']['model']['uri']}")
        scene.kubectl.apply(MISSING_ALIAS)
        scene.tell.say(f"  {until(lambda: complaint(scene.kubectl), 'a complaint', seconds=60)}")
        scene.kubectl(
            "delete", "modeldeployment", MISSING_ALIAS["metadata"]["name"], "--namespace", MODEL_NAMESPACE
        )


def complaint(kubectl: Kubectl) -> str | None:
    """Return the status message about the missing alias; None until there is one."""
    found = kubectl.get("modeldeployment", MISSING_ALIAS["metadata"]["name"], "--namespace", MODEL_NAMESPACE)
    return says(found) if condition(found, "Ready").get("status") == "False" else None


def show_next(cluster: Cluster, scene: Scene) -> None:
    """Print commands to continue with."""
    other = "" if cluster.name == "davit" else f" CLUSTER={cluster.name}"
    with scene.tell.step("What to look at next"):
        scene.tell.say(
            f"export KUBECONFIG={scene.kubectl.environment['KUBECONFIG']}\n"
            f"kubectl -n {MODEL_NAMESPACE} describe modeldeployment {MODEL}\n"
            f"kubectl -n {MODEL_NAMESPACE} get pods\n"
            f"kubectl -n {NAMESPACE} logs deploy/davit-operator\n"
            f"kubectl -n {NAMESPACE} port-forward svc/mlflow 5000    then http://127.0.0.1:5000 is MLflow\n"
            f"make demo-down{other}    removes all of it"
        )
