"""The stack's values that contradict each other: Helm refuses them by both names and says what to do."""

import pytest
from support.charts.rendering import ChartError, render


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ("ingress.enabled=true", "ingress.enabled is true and ingress.hosts is empty"),
        (
            "ingress.enabled=true,ingress.hosts={a.example.com},ingress.tls[0].hosts={b.example.com}",
            "ingress.tls has a certificate for b.example.com and ingress.hosts does not contain that host",
        ),
        (
            "httpRoute.enabled=true,httpRoute.hostnames={a.example.com}",
            "httpRoute.enabled is true and httpRoute.parentRefs is empty",
        ),
        (
            "httpRoute.enabled=true,httpRoute.parentRefs[0].name=gateway",
            "httpRoute.enabled is true and httpRoute.hostnames is empty",
        ),
        (
            "auth.enabled=true,database.kind=mysql,database.host=db,database.existingSecret=login",
            "auth.enabled is true and database.kind is mysql",
        ),
        ("service.nodePort=30500", "service.nodePort is 30500 and service.type is ClusterIP"),
        (
            "autoscaling.enabled=true,autoscaling.minReplicas=6",
            "autoscaling.minReplicas is 6 and autoscaling.maxReplicas is 5",
        ),
        (
            "autoscaling.enabled=true,server.replicas=3",
            "autoscaling.enabled is true and server.replicas is 3",
        ),
        (
            "autoscaling.enabled=true,server.resources.requests.cpu=null",
            "autoscaling.enabled is true and server.resources.requests.cpu is not set",
        ),
        (
            "postgresql.persistence.existingClaim=mine,postgresql.persistence.storageClassName=fast",
            "postgresql.persistence.existingClaim is mine and postgresql.persistence.storageClassName is fast",
        ),
        (
            "versitygw.persistence.existingClaim=mine,versitygw.persistence.storageClassName=fast",
            "versitygw.persistence.existingClaim is mine and versitygw.persistence.storageClassName is fast",
        ),
        (
            "server.extraEnv[0].name=MLFLOW_SERVER_ALLOWED_HOSTS,server.extraEnv[0].value=*",
            "server.extraEnv sets MLFLOW_SERVER_ALLOWED_HOSTS, .* server.allowedHosts",
        ),
        (
            "metrics.prometheusRule.enabled=true",
            "metrics.prometheusRule.enabled is true and metrics.serviceMonitor.enabled is false",
        ),
        (
            "server.extraArgs={--workers=4}",
            "server.extraArgs sets --workers, which the value server.workers sets",
        ),
        (
            "tls.enabled=true,server.extraArgs={--uvicorn-opts=--timeout-keep-alive 9}",
            "server.extraArgs sets --uvicorn-opts, which the value tls.enabled sets",
        ),
        ("server.extraVolumes[0].name=scripts", "server.extraVolumes has scripts twice"),
        (
            "server.extraVolumeMounts[0].name=ca,server.extraVolumeMounts[0].mountPath=/ca",
            "server.extraVolumeMounts mounts ca, and server.extraVolumes has no volume of that name",
        ),
    ],
)
def test_contradicting_values_are_rejected_naming_both(values: str, complaint: str):
    with pytest.raises(ChartError, match=complaint):
        render("mlflow-stack", "mlflow", "--set", values)


def test_all_contradictions_are_reported_at_once():
    with pytest.raises(ChartError, match=r"(?s)ingress\.hosts.*service\.nodePort"):
        render("mlflow-stack", "mlflow", "--set", "ingress.enabled=true,service.nodePort=30500")
