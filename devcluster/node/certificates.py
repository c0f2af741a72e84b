"""The certificates of a cluster, created with OpenSSL on first use."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from devcluster.commands import run
from devcluster.node.addresses import AddressPlan

_DAYS = "3650"
_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
CLUSTER, FRONT_PROXY = "ca", "front-proxy-ca"


@dataclass(frozen=True)
class Certificate:
    """A certificate to create.

    Attributes:
        name: Of its files NAME.crt and NAME.key.
        subject: As OpenSSL writes it; Kubernetes reads CN as the user and O as a group.
        ca: The name of the CA certificate that signs it.
        hosts: Names and addresses it is valid for; none for a client certificate.
    """

    name: str
    subject: str
    ca: str = CLUSTER
    hosts: tuple[str, ...] = ()


def wanted_certificates(plan: AddressPlan, node: str) -> list[Certificate]:
    """Return every certificate of a cluster except those of the CAs."""
    service = "kubernetes.default.svc"
    api_hosts = (
        *("DNS:kubernetes", "DNS:kubernetes.default", f"DNS:{service}", f"DNS:{service}.cluster.local"),
        *("DNS:localhost", "IP:127.0.0.1", f"IP:{plan.api_service}", f"IP:{plan.node}"),
    )
    return [
        Certificate("apiserver", "/CN=kube-apiserver", hosts=api_hosts),
        Certificate("node", f"/CN={node}", hosts=(f"DNS:{node}", f"IP:{plan.node}", "IP:127.0.0.1")),
        Certificate("admin", "/O=system:masters/CN=davit-administrator"),
        Certificate("apiserver-kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client"),
        Certificate("controller-manager", "/CN=system:kube-controller-manager"),
        Certificate("scheduler", "/CN=system:kube-scheduler"),
        Certificate("kube-proxy", "/CN=system:kube-proxy"),
        Certificate("kubelet", f"/O=system:nodes/CN=system:node:{node}"),
        Certificate("front-proxy-client", "/CN=front-proxy-client", FRONT_PROXY),
    ]


def ensure_certificates(folder: Path, plan: AddressPlan, node: str) -> None:
    """Create missing certificates in a folder; existing ones are kept, so clients keep working."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (CLUSTER, FRONT_PROXY):
        _ensure(folder / f"{name}.crt", _ca_command(folder, name))
    for certificate in wanted_certificates(plan, node):
        _ensure(folder / f"{certificate.name}.crt", certificate_command(folder, certificate))
    _ensure(folder / "service-accounts.key", _service_account_key_command(folder))
    _ensure(folder / "service-accounts.pub", _public_key_command(folder))


def certificate_command(folder: Path, certificate: Certificate) -> list[str]:
    """Return the OpenSSL (3.0 or newer) command line that creates a certificate and its key."""
    ca = folder / certificate.ca
    usage = "serverAuth,clientAuth" if certificate.hosts else "clientAuth"
    names = ["-addext", f"subjectAltName={','.join(certificate.hosts)}"] if certificate.hosts else []
    return [
        *("openssl", "req", "-x509", *_KEY, "-days", _DAYS, "-subj", certificate.subject),
        *("-CA", f"{ca}.crt", "-CAkey", f"{ca}.key"),
        *("-addext", "basicConstraints=critical,CA:FALSE", "-addext", "keyUsage=critical,digitalSignature"),
        *("-addext", f"extendedKeyUsage={usage}", *names),
        *_outputs(folder, certificate.name),
    ]


def _ca_command(folder: Path, name: str) -> list[str]:
    return [
        *("openssl", "req", "-x509", *_KEY, "-days", _DAYS, "-subj", f"/CN=davit-devcluster-{name}"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign,digitalSignature"),
        *_outputs(folder, name),
    ]


def _outputs(folder: Path, name: str) -> list[str]:
    return ["-keyout", str(folder / f"{name}.key"), "-out", _unfinished(folder / f"{name}.crt")]


def _service_account_key_command(folder: Path) -> list[str]:
    algorithm = ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    return ["openssl", "genpkey", *algorithm, "-out", _unfinished(folder / "service-accounts.key")]


def _public_key_command(folder: Path) -> list[str]:
    public = _unfinished(folder / "service-accounts.pub")
    return ["openssl", "pkey", "-in", str(folder / "service-accounts.key"), "-pubout", "-out", public]


def _ensure(file: Path, command: list[str]) -> None:
    """Create a file atomically, so that an interruption leaves no partial file."""
    if not file.exists():
        run(command)
        Path(_unfinished(file)).replace(file)


def _unfinished(file: Path) -> str:
    return f"{file}.new"
