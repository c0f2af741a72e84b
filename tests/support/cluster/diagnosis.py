"""Objects, events and logs of a failed story, collected before its namespace is deleted."""

from devcluster.errors import DevclusterError
from examples.demo.kubectl import Kubectl
from examples.demo.stage import NAMESPACE

LONGEST = 6000


def tell_what_is_there(kubectl: Kubectl, namespace: str) -> str:
    """Objects, events and logs of one namespace, and the operator's last words."""
    here = ("--namespace", namespace)
    commands = [
        ("get", "modeldeployment,deploy,pods,jobs,svc", "-o", "wide", *here),
        ("describe", "modeldeployment", *here),
        ("get", "events", "--sort-by=.lastTimestamp", *here),
        (
            "logs",
            "--selector=app.kubernetes.io/name=davit-model",
            "--all-containers",
            "--prefix",
            "--tail=30",
            *here,
        ),
        ("logs", "deploy/mlflow", "--all-containers", "--tail=60", *here),
        ("logs", "deploy/davit-operator", "--tail=60", *here),
        ("get", "pods", "-o", "wide", "--namespace", NAMESPACE),
        ("logs", "deploy/davit-operator", "--tail=60", "--namespace", NAMESPACE),
    ]
    return "\n".join(f"$ kubectl {' '.join(command)}\n{_try(kubectl, command)}" for command in commands)


def _try(kubectl: Kubectl, command: tuple[str, ...]) -> str:
    try:
        return kubectl(*command)[-LONGEST:]
    except DevclusterError as error:
        return f"{error}\n"
