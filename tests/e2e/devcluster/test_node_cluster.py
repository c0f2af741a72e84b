"""A cluster of the provider `node`, from nothing through every kind of damage to nothing.

The tests share one cluster and run in the order of this file. The cluster has a name of its own, so the
demo's and the other tests' clusters are not touched.
"""

import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from support.cluster.crashed_cluster import (
    COMPONENTS,
    NAME,
    PATHS,
    STORY,
    command,
    devcluster,
    kubectl,
    process,
    processes,
    story_serves,
)
from support.cluster.machine_state import namespaces_in_use, processes_of, traces, traces_of
from support.cluster.session import once

from devcluster.node.cgroups import ControlGroup
from devcluster.node.processes import kill_all
from devcluster.node.slots import recorded_plan
from devcluster.node.system_images import BUSYBOX_IMAGE

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def before():
    """The machine without the cluster; what an earlier run left is removed first."""
    once(NAME, lambda: devcluster("down"), undo=command("down"))
    return traces()


@pytest.fixture(scope="module")
def cluster(before):
    devcluster("up")
    kubectl("apply", "-f", "-", text=STORY)
    yield
    devcluster("down")


def test_a_pod_of_the_restricted_profile_serves_from_a_volume_by_name(cluster):
    assert story_serves() == 1


def test_status_reports_health_and_paths(cluster):
    said = devcluster("status")
    assert "BAD" not in said
    assert str(PATHS.audit_log) in said


def test_the_kubeconfig_is_its_owners_secret(cluster):
    assert devcluster("kubeconfig").splitlines()[0] == str(PATHS.kubeconfig)
    assert PATHS.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_logs_and_measurements_can_be_read(cluster):
    kubectl("-n", "kube-system", "logs", "deployment/coredns")
    kubectl("top", "node")


def test_pods_cannot_reach_the_outside_network(cluster):
    said = kubectl(
        *("-n", "story", "exec", "deployment/web", "--", "sh", "-c"),
        "nc -w 5 192.0.2.77 80 </dev/null 2>&1 || true",
    )
    assert "No route to host" in said or "unreachable" in said


def test_a_pod_beyond_its_memory_limit_is_reported_as_oomkilled(cluster):
    hungry = {
        "name": "hungry",
        "image": BUSYBOX_IMAGE,
        "command": ["sh", "-c", "x=a; while true; do x=$x$x; done"],
        "resources": {"limits": {"memory": "16Mi"}},
    }
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "hungry"},
        "spec": {"restartPolicy": "Never", "containers": [hungry]},
    }
    kubectl("apply", "-f", "-", text=json.dumps(pod))
    kubectl("wait", "--for=jsonpath={.status.phase}=Failed", "pod/hungry", "--timeout=60s")
    reason = "jsonpath={.status.containerStatuses[0].state.terminated.reason}"
    assert kubectl("get", "pod", "hungry", "-o", reason) == "OOMKilled"
    kubectl("delete", "pod", "hungry")


def test_the_audit_log_names_the_user_of_each_write(cluster):
    kubectl("create", "configmap", "witness", "--from-literal=colour=green")
    lines = [json.loads(line) for line in PATHS.audit_log.read_text().splitlines()]
    [written] = [line for line in lines if line.get("objectRef", {}).get("name") == "witness"]
    assert written["user"]["username"] == "davit-administrator"
    assert "green" not in json.dumps(written)
    assert {line["verb"] for line in lines}.isdisjoint({"get", "list", "watch"})


def test_up_again_changes_nothing(cluster):
    running, starts = processes(), story_serves()
    devcluster("up")
    assert processes() == running
    assert story_serves() == starts


def test_up_from_another_folder_changes_nothing(cluster, tmp_path):
    running = processes()
    devcluster("up", folder=tmp_path)
    assert processes() == running


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_killed_component_is_restarted_and_the_pod_survives(cluster, component):
    running, starts = processes(), story_serves()
    kill_all([running[component]])
    devcluster("up")
    changed = {name for name, number in processes().items() if number != running[name]}
    assert changed == {component}
    assert story_serves() == starts


def test_a_killed_shim_affects_only_its_pod(cluster):
    shims = {pid for pid, line in processes_of(PATHS.state, NAME).items() if "containerd-shim" in line}
    kill_all(sorted(shims)[:1])
    devcluster("up")
    story_serves()


def test_when_everything_is_killed_the_data_survives(cluster):
    kubectl("create", "configmap", "keepsake", "--from-literal=colour=green")
    starts = story_serves()
    kill_all(ControlGroup(NAME).members())
    devcluster("up")
    assert story_serves() == starts + 1
    assert kubectl("get", "configmap", "keepsake", "-o", "jsonpath={.data.colour}") == "green"


def test_the_node_restarts_on_its_data_after_losing_its_link(cluster):
    starts = story_serves()
    subprocess.run(["ip", "link", "delete", recorded_plan(PATHS).interface], check=True)
    devcluster("up")
    assert story_serves() == starts + 1


def test_after_a_reboot_the_data_survives(cluster):
    """A reboot takes processes, namespaces and mounts; files stay, with the numbers of another boot in them."""
    starts = story_serves()
    kill_all(ControlGroup(NAME).members())
    subprocess.run(["ip", "link", "delete", recorded_plan(PATHS).interface], check=True)
    for name in ("network", "mount"):
        subprocess.run(["umount", str(PATHS.namespaces / name)], check=True)
    (PATHS.run / "boot").write_text("an earlier boot")
    devcluster("up")
    assert story_serves() == starts + 1


def test_stale_records_never_end_foreign_processes(cluster):
    record = PATHS.processes / "etcd.json"
    stale = json.loads(record.read_text())
    etcd = stale["identity"]["pid"]
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        stale["identity"]["pid"] = bystander.pid
        record.write_text(json.dumps(stale))
        devcluster("up")
        assert bystander.poll() is None
        bystander.communicate(b"\n")
    assert process("etcd") != etcd
    story_serves()


def test_a_hung_component_is_restarted(cluster):
    hanging = process("kube-scheduler")
    os.kill(hanging, signal.SIGSTOP)
    devcluster("up")
    assert process("kube-scheduler") != hanging
    story_serves()


def test_a_lost_record_leads_to_a_new_cluster_without_remains_of_the_old(cluster):
    old = ControlGroup(NAME).members()
    PATHS.record.write_text("")
    devcluster("up")
    assert not old & ControlGroup(NAME).members()
    kubectl("apply", "-f", "-", text=STORY)
    assert story_serves() == 1


def test_when_containerd_forgets_everything_the_data_survives(cluster):
    starts = story_serves()
    kill_all([process("containerd")])
    (PATHS.containerd / "io.containerd.metadata.v1.bolt" / "meta.db").write_bytes(b"not a database")
    said = devcluster("up")
    assert "data is damaged" in said
    assert story_serves() == starts + 1


def test_a_damaged_checkpoint_of_the_kubelet_is_replaced(cluster):
    starts = story_serves()
    kill_all([process("kubelet")])
    (PATHS.state / "kubelet" / "cpu_manager_state").write_text("not JSON")
    devcluster("up")
    assert story_serves() >= starts


def test_damaged_data_is_replaced_and_the_cluster_comes_back_empty(cluster):
    kill_all([process("etcd")])
    for file in (PATHS.etcd / "member" / "wal").iterdir():
        file.write_bytes(b"not a log")
    said = devcluster("up")
    assert "data is damaged" in said
    assert kubectl("get", "namespaces", "-o", "name").find("story") == -1
    kubectl("apply", "-f", "-", text=STORY)
    assert story_serves() == 1


def test_an_image_is_loaded_once(cluster, tmp_path):
    archive = tmp_path / "image.tar"
    context = tmp_path / "context"
    context.mkdir()
    shutil.copy(shutil.which("busybox"), context / "busybox")
    name = "davit.dev/devcluster/loaded:v1"
    (context / "Dockerfile").write_text("FROM scratch\nCOPY busybox /bin/sh\n")
    subprocess.run(
        ["buildah", "bud", "--quiet", "--tag", name, str(context)], check=True, capture_output=True
    )
    try:
        assert "loaded" in devcluster("load", name)
        assert "already there" in devcluster("load", name)
        push = ["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"]
        subprocess.run(push, check=True, capture_output=True)
        assert "already there" in devcluster("load", str(archive))
    finally:
        subprocess.run(["buildah", "rmi", name], check=True, capture_output=True)
    pod = [
        "run",
        "loaded",
        f"--image={name}",
        "--restart=Never",
        "--command",
        "--",
        "/bin/sh",
        "-c",
        "exit 0",
    ]
    kubectl(*pod)
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/loaded", "--timeout=60s")


def test_down_leaves_nothing_behind(before, cluster):
    namespaces = {f"net:[{(PATHS.namespaces / 'network').stat().st_ino}]"}
    namespaces.add(f"mnt:[{(PATHS.namespaces / 'mount').stat().st_ino}]")
    assert namespaces <= namespaces_in_use()
    plan = recorded_plan(PATHS)
    assert traces_of(NAME, PATHS.state, plan), "what is looked for can be found"
    devcluster("down")
    assert traces_of(NAME, PATHS.state, plan) == []
    assert processes_of(PATHS.state, NAME) == {}
    assert not namespaces & namespaces_in_use()
    assert traces() == before


def test_down_twice_is_harmless(before, cluster):
    devcluster("down")
    assert traces() == before
