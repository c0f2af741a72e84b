import base64
import json
import tomllib

import pytest
import yaml

from devcluster.errors import DevclusterError
from devcluster.node.addons import addon_manifests
from devcluster.node.addresses import AddressPlan
from devcluster.node.certificates import Certificate, certificate_command, ensure_certificates
from devcluster.node.components import node_components
from devcluster.node.configuration import (
    audit_policy,
    cni_configuration,
    containerd_configuration,
    kubeconfig,
    kubelet_configuration,
    proxy_configuration,
)
from devcluster.node.paths import Paths, check_name

PATHS = Paths("demo")
PLAN = AddressPlan(3)


def test_containerd_keeps_everything_inside_the_cluster():
    settings = tomllib.loads(containerd_configuration(PATHS))
    own = str(PATHS.state)
    runc = settings["plugins"]["io.containerd.grpc.v1.cri"]["containerd"]["runtimes"]["runc"]["options"]
    assert settings["root"].startswith(own)
    assert settings["state"].startswith(own)
    assert settings["grpc"]["address"].startswith(own)
    assert runc["Root"].startswith(own)


def test_pods_get_addresses_of_the_cluster():
    [link, _] = json.loads(cni_configuration(PATHS, PLAN))["plugins"]
    assert link["ipam"]["ranges"] == [[{"subnet": "10.203.0.0/24"}]]
    assert not link["ipMasq"]


def test_the_kubelet_never_garbage_collects_images():
    settings = yaml.safe_load(kubelet_configuration(PATHS, PLAN))
    assert settings["imageGCHighThresholdPercent"] == 100
    assert settings["clusterDNS"] == ["10.203.128.10"]
    assert settings["cgroupRoot"] == "/davit-demo"


def test_the_proxy_does_not_change_the_machines_connection_limits():
    conntrack = yaml.safe_load(proxy_configuration(PATHS, PLAN, "demo"))["conntrack"]
    assert conntrack["maxPerCore"] == 0
    assert conntrack["min"] == 0


def test_only_writes_are_audited_and_never_their_content():
    [changes, rest] = yaml.safe_load(audit_policy())["rules"]
    assert changes["level"] == "Metadata"
    assert {"create", "update", "patch", "delete"} <= set(changes["verbs"])
    assert rest == {"level": "None"}


def test_a_kubeconfig_is_self_contained(tmp_path):
    for name in ("ca.crt", "admin.crt", "admin.key"):
        (tmp_path / name).write_text(name)
    settings = yaml.safe_load(kubeconfig("demo", "https://10.203.192.2:6443", tmp_path, "admin"))
    assert settings["current-context"] == "demo"
    user = settings["users"][0]["user"]
    assert base64.b64decode(user["client-key-data"]) == b"admin.key"


def test_the_control_plane_starts_before_its_clients():
    names = [component.name for component in node_components(PATHS, PLAN)]
    assert names.index("etcd") < names.index("kube-apiserver") < names.index("kubelet")


def test_no_component_listens_on_an_address_of_another_cluster():
    line = " ".join(" ".join(component.arguments) for component in node_components(PATHS, PLAN))
    assert "10.200." not in line
    assert "--advertise-address=10.203.192.2" in line
    assert f"--audit-log-path={PATHS.audit_log}" in line


def test_addons_are_whole_yaml_with_every_value_filled_in():
    text = addon_manifests(PATHS, PLAN)
    objects = list(yaml.safe_load_all(text))
    [dns] = [item for item in objects if item["kind"] == "Service" and item["metadata"]["name"] == "kube-dns"]
    assert dns["spec"]["clusterIP"] == "10.203.128.10"
    assert '"$VOL_DIR"' in text
    assert "$$" not in text


def test_every_addon_pod_would_pass_the_restricted_profile():
    for item in yaml.safe_load_all(addon_manifests(PATHS, PLAN)):
        if item["kind"] == "Deployment":
            pod = item["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"]
            assert all(c["securityContext"]["capabilities"] == {"drop": ["ALL"]} for c in pod["containers"])


@pytest.mark.parametrize(
    "name", ["", "Demo", "-demo", "demo-", "../demo", "de mo", "d" * 31, ".slots", "1demo"]
)
def test_a_name_that_cannot_be_a_folder_or_a_node_is_refused(name):
    with pytest.raises(DevclusterError, match="cannot name a cluster"):
        check_name(name)


@pytest.mark.parametrize("name", ["d", "davit", "davit-test", "d" * 30])
def test_a_plain_name_is_accepted(name):
    assert check_name(name) == name


def test_the_longest_name_still_fits_a_socket():
    assert len(str(Paths("d" * 30).socket) + ".ttrpc") < 108


def test_a_client_certificate_names_no_hosts(tmp_path):
    command = certificate_command(tmp_path, Certificate("admin", "/O=system:masters/CN=admin"))
    assert not any("subjectAltName" in part for part in command)
    assert "extendedKeyUsage=clientAuth" in command


def test_certificates_are_kept_once_made(tmp_path):
    ensure_certificates(tmp_path / "pki", PLAN, "demo")
    before = {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()}
    ensure_certificates(tmp_path / "pki", PLAN, "demo")
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()}
    assert (tmp_path / "pki").stat().st_mode & 0o077 == 0


def test_an_incomplete_certificate_is_created_again(tmp_path):
    pki = tmp_path / "pki"
    ensure_certificates(pki, PLAN, "demo")
    (pki / "admin.crt").unlink()
    (pki / "admin.crt.new").write_text("half")
    (pki / "service-accounts.pub").unlink()
    ensure_certificates(pki, PLAN, "demo")
    assert "BEGIN CERTIFICATE" in (pki / "admin.crt").read_text()
    assert "BEGIN PUBLIC KEY" in (pki / "service-accounts.pub").read_text()
