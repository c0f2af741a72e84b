"""Database and store servers that are not the chart's own: pods with real servers, in a story's namespace."""

from dataclasses import dataclass, field
from typing import Any

from support.cluster.live import Place
from support.servers.certificates import make_certificate

Object = dict[str, Any]

CERTIFICATES = "/certificates"


@dataclass(frozen=True)
class Server:
    """One server in one pod, which keeps nothing.

    Attributes:
        name: Of pod and Service.
        image: Of the pod.
        port: Where it listens; the Service has the same.
        user: Whose process it is.
        arguments: Of the image's program.
        secret: Its environment, some of it secret; also the content of the Secret of its name.
    """

    name: str
    image: str
    port: int
    user: int
    arguments: tuple[str, ...] = ()
    secret: dict[str, str] = field(default_factory=dict)

    def objects(self) -> list[Object]:
        """Secret, Service and Pod."""
        return [
            {"apiVersion": "v1", "kind": "Secret", "metadata": self._metadata(), "stringData": self.secret},
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": self._metadata(),
                "spec": {"selector": {"app": self.name}, "ports": [{"port": self.port}]},
            },
            {"apiVersion": "v1", "kind": "Pod", "metadata": self._metadata(), "spec": self._pod()},
        ]

    def _metadata(self) -> Object:
        return {"name": self.name, "labels": {"app": self.name}}

    def _pod(self) -> Object:
        mounts = [
            {"name": "certificates", "mountPath": CERTIFICATES, "readOnly": True},
            {"name": "temporary", "mountPath": "/tmp"},
        ]
        container = {
            "name": "server",
            "image": self.image,
            "args": list(self.arguments),
            "envFrom": [{"secretRef": {"name": self.name}}],
            "readinessProbe": {"tcpSocket": {"port": self.port}, "periodSeconds": 1},
            "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}},
            "volumeMounts": mounts,
        }
        certificates = {"secretName": "certificates", "optional": True, "defaultMode": 0o440}
        return {
            "enableServiceLinks": False,
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsUser": self.user,
                "runAsGroup": self.user,
                "fsGroup": self.user,
                "runAsNonRoot": True,
            },
            "containers": [container],
            "volumes": [
                {"name": "certificates", "secret": certificates},
                {"name": "temporary", "emptyDir": {}},
            ],
        }


def start(place: Place, server: Server) -> None:
    """Run a server and wait until it listens."""
    apply(place, *server.objects())
    place.run("wait", f"pod/{server.name}", "--for=condition=Ready", "--timeout=110s")


def apply(place: Place, *objects: Object) -> None:
    """Apply objects in the namespace of a place."""
    for one in objects:
        one["metadata"]["namespace"] = place.namespace
    place.kubectl.apply(*objects)


def give_secret(place: Place, name: str, **data: str) -> None:
    """Make a Secret of these keys; an underscore before `crt` or `key` stands for a dot."""
    keys = {key.replace("_crt", ".crt").replace("_key", ".key"): value for key, value in data.items()}
    apply(place, {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": keys})


def give_certificates(place: Place, *names: str) -> None:
    """The Secrets `certificates`, for servers of these names, and `private-ca`, for their clients."""
    everywhere = [f"{name}{suffix}" for name in names for suffix in ("", f".{place.namespace}.svc")]
    certificate, key = make_certificate(*everywhere)
    give_secret(place, "certificates", tls_crt=certificate, tls_key=key)
    give_secret(place, "private-ca", ca_crt=certificate)
