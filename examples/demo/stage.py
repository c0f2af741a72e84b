"""The demo's fixed inputs: names, namespaces, the request body, the two charts."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from devcluster.images.catalog import IMAGES
from examples.demo.charts import Helm
from examples.demo.kubectl import Kubectl, Object

NAMESPACE = "davit"
MODEL_NAMESPACE = "shop"
MODEL = "iris"
ALIAS = "champion"
MANIFEST = Path(__file__).parents[1] / "iris.yaml"
SERVER_IMAGE = IMAGES["server"].reference

# Three flowers, one of each species.
REQUEST: Object = {
    "dataframe_split": {
        "columns": ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"],
        "data": [[5.1, 3.5, 1.4, 0.2], [6.0, 2.7, 4.2, 1.3], [6.9, 3.1, 5.8, 2.2]],
    }
}


def model_deployment(name: str, uri: str, namespace: str = MODEL_NAMESPACE, **spec: object) -> Object:
    """Build a ModelDeployment as it would stand in a file; `spec` holds further fields of its spec."""
    return {
        "apiVersion": "davit.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"uri": uri}, **spec},
    }


TYPING_ERROR = model_deployment("iris-typing-error", "models:iris@champion")
MISSING_ALIAS = model_deployment("iris-missing-alias", "models:/iris@chalenger")


def install_stack(helm: Helm, images: Sequence[str]) -> None:
    """Install MLflow with its database and store, from the images that were loaded into the cluster."""
    helm.install("mlflow", "mlflow-stack", NAMESPACE, files=stack_files(images))


def stack_files(images: Sequence[str]) -> list[str]:
    """Return the stack's values files for these images: our own PostgreSQL, or the official one."""
    local = any(image.startswith("davit.dev/postgresql:") for image in images)
    return ["values-local-images.yaml"] if local else []


def install_operator(helm: Helm, kubectl: Kubectl, resolve_seconds: int) -> None:
    """Install the operator, which finds MLflow through the Secret that the stack has written.

    Args:
        helm: Bound to the cluster.
        kubectl: Bound to the same cluster.
        resolve_seconds: How often the operator resolves aliases; the chart's default is 30.
    """
    values = {"connection.secretName": "mlflow-davit-connection", "resolveIntervalSeconds": resolve_seconds}
    again = helm.is_installed("davit", NAMESPACE)
    helm.install("davit", "davit-operator", NAMESPACE, values)
    if again:
        # The image may be a newer one under the same name, which Kubernetes does not detect.
        here = ("--namespace", NAMESPACE)
        kubectl("rollout", "restart", "deployment/davit-operator", *here)
        kubectl("rollout", "status", "deployment/davit-operator", "--timeout=120s", *here, timeout=150)


def mlflow(kubectl: Kubectl) -> AbstractContextManager[str]:
    """Yield the URL of MLflow on this machine's loopback while the block runs."""
    return kubectl.forward(NAMESPACE, "svc/mlflow", 5000)
