"""Logging in to a cluster: the service account of a pod, or a kubeconfig."""

import base64
import ssl
from pathlib import Path

import certifi
import httpx
import pytest
import yaml
from davit_operator.adapters.kubernetes_login import (
    IN_CLUSTER,
    LoginError,
    connect,
    find_login,
    read_kubeconfig,
)


@pytest.fixture
def authority(tmp_path):
    """A certificate that is well-formed, which is all that is looked at: one of httpx's own."""
    path, end = tmp_path / "ca.crt", "-----END CERTIFICATE-----\n"
    path.write_text(Path(certifi.where()).read_text().split(end)[0] + end)
    return path


def kubeconfig(tmp_path, user=None, cluster=None, **changes):
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        **changes,
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return path


def header(login):
    request = httpx.Request("GET", "https://x")
    next(login.auth.auth_flow(request))
    return request.headers["Authorization"]


def test_a_pod_uses_its_service_account_and_notices_a_renewed_token(tmp_path, authority):
    (tmp_path / "token").write_text("first\n")
    login = find_login(tmp_path / "nowhere", service_account=tmp_path)
    assert login.server == IN_CLUSTER
    assert header(login) == "Bearer first"
    (tmp_path / "token").write_text("second\n")
    assert header(login) == "Bearer second"


def test_elsewhere_the_kubeconfig_counts(tmp_path):
    path = kubeconfig(tmp_path, user={"token": "secret"})
    login = find_login(path, service_account=tmp_path / "nowhere")
    assert login.server == "https://10.0.0.1:6443"
    assert header(login) == "Bearer secret"


def test_certificates_are_read_in_place_and_by_path(tmp_path, authority):
    in_place = base64.b64encode(authority.read_bytes()).decode()
    for cluster in ({"certificate-authority-data": in_place}, {"certificate-authority": "ca.crt"}):
        assert read_kubeconfig(kubeconfig(tmp_path, cluster=cluster)).tls.verify_mode is ssl.CERT_REQUIRED


def test_verification_is_off_only_when_asked(tmp_path):
    login = read_kubeconfig(kubeconfig(tmp_path, cluster={"insecure-skip-tls-verify": True}))
    assert login.tls.verify_mode is ssl.CERT_NONE


def test_a_token_may_be_in_a_file(tmp_path):
    (tmp_path / "mine").write_text("from-file")
    assert header(read_kubeconfig(kubeconfig(tmp_path, user={"tokenFile": "mine"}))) == "Bearer from-file"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"current-context": None}, "has no context named None"),
        ({"clusters": []}, "has no cluster named 'c'"),
        ({"users": [{"name": "u", "user": {"exec": {}}}]}, "logins by a program are not supported"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path, changes, complaint):
    with pytest.raises(LoginError, match=complaint):
        read_kubeconfig(kubeconfig(tmp_path, **changes))


def test_without_any_cluster_both_places_are_named(tmp_path):
    with pytest.raises(LoginError, match=r"neither a service account in .* nor a kubeconfig at"):
        find_login(tmp_path / "kubeconfig", service_account=tmp_path / "nowhere")


async def test_the_client_says_who_it_is(tmp_path):
    client = connect(read_kubeconfig(kubeconfig(tmp_path)))
    assert client.headers["User-Agent"].startswith("davit-operator/")
    await client.aclose()
