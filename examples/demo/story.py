"""The steps of the demo: one function each, run in order by `run_demo`."""

import json
import re
from dataclasses import dataclass

from devcluster.commands import CommandFailed
from devcluster.errors import DevclusterError
from examples.demo import promotion
from examples.demo.charts import Helm
from examples.demo.cluster import Cluster, find_tool
from examples.demo.kubectl import Kubectl
from examples.demo.output import StepPrinter
from examples.demo.registry import move_alias
from examples.demo.serving import condition, condition_text, send, serving_version
from examples.demo.stage import (
    ALIAS,
    MANIFEST,
    MISSING_ALIAS,
    MODEL,
    MODEL_NAMESPACE,
    NAMESPACE,
    REQUEST,
    TYPING_ERROR,
    install_operator,
    install_stack,
    mlflow,
)
from examples.demo.training import predict_locally, train
from examples.demo.waiting import until


class NotAsPromised(DevclusterError):
    """The demo observed behaviour that Davit's documentation excludes."""


@dataclass(frozen=True)
class Context:
    """What every step after the cluster's start needs."""

    kubectl: Kubectl
    output: StepPrinter


def run_demo(cluster: Cluster, output: StepPrinter) -> None:
    """Run every step, from an empty machine to a second version in production."""
    with output.step(f"A Kubernetes cluster named {cluster.name}"):
        cluster.up()
    with output.step("The images: operator, server, MLflow, its database and its store"):
        images = cluster.load_images()
    context = Context(cluster.kubectl(), output)
    with output.step(f"Two Helm charts, mlflow-stack and davit-operator, in namespace {NAMESPACE}"):
        install(context, images)
    first = train_first(context)
    deploy(context, first)
    compare(context, first)
    show_metrics(context)
    second = train_second(context)
    promote(context, first, second)
    show_errors(context)
    show_next(cluster, context)
    output.end("The demo is complete.")


def install(context: Context, images: list[str]) -> None:
    """Install both charts as their READMEs describe."""
    helm = Helm(find_tool("helm"), context.kubectl.environment, say=context.output.say)
    install_stack(helm, images)
    install_operator(helm, context.kubectl, resolve_seconds=5)


def train_first(context: Context) -> int:
    """Train and register a first version, and set the alias champion to it."""
    with context.output.step(
        "A first model: iris flowers, a search over its parameters, all of it in MLflow"
    ):
        context.output.say(f"$ python examples/train_iris.py --alias {ALIAS}")
        with mlflow(context.kubectl) as url:
            version, printed = train(url, "--alias", ALIAS)
        context.output.say(printed)
    return version


def deploy(context: Context, version: int) -> None:
    """Apply the six-line manifest and wait until it is Ready."""
    with context.output.step("Six lines that put it into production"):
        context.output.say(MANIFEST.read_text())
        context.output.say(f"$ kubectl -n {MODEL_NAMESPACE} apply -f examples/iris.yaml")
        context.kubectl.ensure_namespace(MODEL_NAMESPACE)
        context.kubectl("apply", "--namespace", MODEL_NAMESPACE, "-f", str(MANIFEST))
        wait_for_version(context.kubectl, version)
        context.output.say(f"$ kubectl -n {MODEL_NAMESPACE} get modeldeployment")
        context.output.say(context.kubectl("get", "modeldeployment", "--namespace", MODEL_NAMESPACE))


def wait_for_version(kubectl: Kubectl, version: int) -> None:
    """Wait until this version, and only this version, answers."""

    def serves() -> bool:
        found = kubectl.get("modeldeployment", MODEL, "--namespace", MODEL_NAMESPACE)
        return serving_version(found) == str(version) and condition(found, "Ready").get("status") == "True"

    def status() -> str:
        return condition_text(kubectl.get("modeldeployment", MODEL, "--namespace", MODEL_NAMESPACE))

    until(serves, f"version {version} to serve", seconds=300, hint=status)


def compare(context: Context, version: int) -> None:
    """Compare the pods' answer with the model's own."""
    with context.output.step("A prediction through the Service, beside the model's own answer"):
        with context.kubectl.forward(MODEL_NAMESPACE, f"svc/{MODEL}", 80) as url:
            answer = send(url, REQUEST)
        with mlflow(context.kubectl) as url:
            own = predict_locally(url, f"models:/{MODEL}/{version}", REQUEST)
        context.output.say(f"POST /invocations     {answer.status} {answer.body.strip()}")
        context.output.say(f"X-Davit-Model-Version {answer.version}")
        context.output.say(f"the model itself      {json.dumps(own)}")
        if answer.status != 200 or answer.predictions != own:
            raise NotAsPromised("the predictions of the pods differ from those of the model itself")


def show_metrics(context: Context) -> None:
    """Print some of the metrics that Prometheus would scrape."""
    with context.output.step("What the server counts, for Prometheus"):
        with context.kubectl.forward(MODEL_NAMESPACE, f"svc/{MODEL}", 80) as url:
            metrics = send(url, path="/metrics").body
        moved = r"^davit_\w+(?:_total|_count|_load_seconds)\{.*\} (?!0\.0$)\S+$"
        context.output.say("\n".join(re.findall(moved, metrics, re.MULTILINE)[:8]))


def train_second(context: Context) -> int:
    """Train another family of model, which does not change what is served."""
    with context.output.step(
        "A second model, a random forest; registering it does not change what is served"
    ):
        context.output.say("$ python examples/train_iris.py --family forest")
        with mlflow(context.kubectl) as url:
            version, printed = train(url, "--family", "forest", "--evaluations", "4")
        context.output.say(printed)
    return version


def promote(context: Context, first: int, second: int) -> None:
    """Move the alias under steady load and count the requests."""
    with context.output.step(f"Promotion under load: {MODEL}@{ALIAS} moves from version {first} to {second}"):
        with promotion.load(context.kubectl) as traffic:
            traffic.wait_for(100)
            with mlflow(context.kubectl) as url:
                move_alias(url, MODEL, ALIAS, second)
            context.output.say("the alias has moved; requests continue")
            wait_for_version(context.kubectl, second)
            traffic.wait_for(200, version=str(second))
            counts = traffic.stop()
        context.output.say(promotion.describe(counts))
        if counts["failed"]:
            raise NotAsPromised(
                f"{counts['failed']} requests failed while the alias moved: {counts['failures']}"
            )


def show_errors(context: Context) -> None:
    """Make two mistakes: one that the API server rejects, one that only the registry can detect."""
    with context.output.step("Two user errors and their messages"):
        context.output.say(f"a typing error, uri: {TYPING_ERROR['spec']['model']['uri']}")
        try:
            context.kubectl.apply(TYPING_ERROR)
        except CommandFailed as refusal:
            context.output.say(f"  {refusal.output.strip()}")
        else:
            raise NotAsPromised("Kubernetes accepted a model URI that has none of the six forms")
        context.output.say(f"an alias that does not exist, uri: {MISSING_ALIAS['spec']['model']['uri']}")
        context.kubectl.apply(MISSING_ALIAS)
        context.output.say(
            f"  {until(lambda: alias_message(context.kubectl), 'the status message', seconds=60)}"
        )
        context.kubectl(
            "delete", "modeldeployment", MISSING_ALIAS["metadata"]["name"], "--namespace", MODEL_NAMESPACE
        )


def alias_message(kubectl: Kubectl) -> str | None:
    """Return the status message about the missing alias; None until there is one."""
    found = kubectl.get("modeldeployment", MISSING_ALIAS["metadata"]["name"], "--namespace", MODEL_NAMESPACE)
    return condition_text(found) if condition(found, "Ready").get("status") == "False" else None


def show_next(cluster: Cluster, context: Context) -> None:
    """Print commands to continue with."""
    other = "" if cluster.name == "davit" else f" CLUSTER={cluster.name}"
    with context.output.step("What to look at next"):
        context.output.say(
            f"export KUBECONFIG={context.kubectl.environment['KUBECONFIG']}\n"
            f"kubectl -n {MODEL_NAMESPACE} describe modeldeployment {MODEL}\n"
            f"kubectl -n {MODEL_NAMESPACE} get pods\n"
            f"kubectl -n {NAMESPACE} logs deploy/davit-operator\n"
            f"kubectl -n {NAMESPACE} port-forward svc/mlflow 5000    then http://127.0.0.1:5000 is MLflow\n"
            f"make demo-down{other}    removes all of it"
        )
