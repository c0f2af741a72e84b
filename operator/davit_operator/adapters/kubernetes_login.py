"""Where the Kubernetes API is and what proves us to it: the pod's service account, or else a kubeconfig.

The official client would do this too, at 110 MB of memory and two seconds of start-up for models of every
Kubernetes type; we send and receive plain JSON trees. Not supported, as in kopf: logins by a program.
"""

import base64
import ssl
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from davit_operator import __version__

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
IN_CLUSTER = "https://kubernetes.default.svc"

_TIMEOUT = httpx.Timeout(20.0, connect=5.0)


class LoginError(Exception):
    """There is no way to reach a cluster; the message says what was looked for."""


@dataclass(frozen=True, slots=True)
class Login:
    """A cluster and a login, ready to be connected to."""

    server: str
    tls: ssl.SSLContext
    auth: httpx.Auth | None


class TokenFile(httpx.Auth):
    """A bearer token that the kubelet renews every hour or so: read for each request, a few microseconds."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sends the token that the file holds now."""
        request.headers["Authorization"] = f"Bearer {self._path.read_text().strip()}"
        yield request


class Token(httpx.Auth):
    """A bearer token that stays the same."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sends the token."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def find_login(kubeconfig: Path, service_account: Path = SERVICE_ACCOUNT) -> Login:
    """The service account of the pod we run in, else the current context of a kubeconfig.

    Raises:
        LoginError: There is neither.
    """
    if (service_account / "token").is_file():
        tls = ssl.create_default_context(cafile=str(service_account / "ca.crt"))
        return Login(IN_CLUSTER, tls, TokenFile(service_account / "token"))
    if not kubeconfig.is_file():
        raise LoginError(f"neither a service account in {service_account} nor a kubeconfig at {kubeconfig}")
    return read_kubeconfig(kubeconfig)


def read_kubeconfig(path: Path) -> Login:
    """The current context of a kubeconfig.

    Raises:
        LoginError: It has none, or one that logs in by a program.
    """
    config = yaml.safe_load(path.read_text()) or {}
    context = _named(config, "contexts", "context", config.get("current-context"), path)
    cluster = _named(config, "clusters", "cluster", context.get("cluster"), path)
    user = _named(config, "users", "user", context.get("user"), path)
    if user.keys() & {"exec", "auth-provider"}:
        raise LoginError(f"{path}: logins by a program are not supported; use a token or a certificate")
    return Login(cluster["server"], _build_tls(cluster, user, path.parent), _find_auth(user, path.parent))


def connect(login: Login) -> httpx.AsyncClient:
    """A client that keeps connections to the API server."""
    return httpx.AsyncClient(
        base_url=login.server,
        verify=login.tls,
        auth=login.auth,
        headers={"User-Agent": f"davit-operator/{__version__}"},
        timeout=_TIMEOUT,
        trust_env=False,
    )


def _named(
    config: dict[str, Any], plural: str, singular: str, name: str | None, path: Path
) -> dict[str, Any]:
    found = next((item[singular] for item in config.get(plural) or [] if item.get("name") == name), None)
    if not name or found is None:
        raise LoginError(f"{path} has no {singular} named {name!r}")
    return dict(found)


def _build_tls(cluster: dict[str, Any], user: dict[str, Any], folder: Path) -> ssl.SSLContext:
    tls = ssl.create_default_context(cadata=_read(cluster, "certificate-authority", folder))
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = _read(user, "client-certificate", folder), _read(user, "client-key", folder)
    if certificate and key:
        _load_chain(tls, certificate + "\n" + key)
    return tls


def _load_chain(tls: ssl.SSLContext, pem: str) -> None:
    """Python reads certificates from files only; this one lives for a moment and is ours alone to read."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(pem)
        file.flush()
        tls.load_cert_chain(file.name)


def _find_auth(user: dict[str, Any], folder: Path) -> httpx.Auth | None:
    if user.get("tokenFile"):
        return TokenFile(folder / user["tokenFile"])
    return Token(user["token"]) if user.get("token") else None


def _read(section: dict[str, Any], field: str, folder: Path) -> str | None:
    """A field that is given in place, base64-encoded, or as a path relative to the kubeconfig."""
    if section.get(f"{field}-data"):
        return base64.b64decode(section[f"{field}-data"]).decode()
    return (folder / section[field]).read_text() if section.get(field) else None
