"""File systems that are really full or read-only."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.fakes.store_server import StoreServer, running_store_server
from support.models.saved import model_path
from support.servers.processes import PATIENCE_SECONDS, free_port, get, started, wait_until_ready
from support.servers.sandbox import with_mounts

TESTS = str(Path(__file__).parents[2])
READ_ONLY = """
mount --bind "$1" /mnt
mount -t tmpfs tmpfs "$3"
mount -o remount,bind,ro /mnt
mount -o remount,bind,ro /
if touch /written /mnt/written "$2" 2>/dev/null; then echo "the root can be written" >&2; exit 77; fi
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    file = tmp_path / "termination-log"
    file.touch()
    return file


def fetch(store: StoreServer, told: Path, mount: str) -> int:
    """`davit fetch` into a file system of its own; the exit code."""
    destination = told.with_name("model")
    destination.mkdir()
    command = [sys.executable, "-m", "davit_server", "fetch"]
    environment = {
        "DAVIT_FETCH_LOCATION": "s3://mlflow/artifacts/1/m",
        "DAVIT_FETCH_DESTINATION": str(destination),
        "DAVIT_TERMINATION_LOG": str(told),
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": store.url,
        "AWS_REGION": "us-east-1",
    }
    within = with_mounts(f'mount -t tmpfs -o {mount} tmpfs "$1"', str(destination))
    return subprocess.run([*within, *command], env=environment, timeout=60, check=False).returncode


@pytest.mark.parametrize(
    ("mount", "cause"),
    [
        ("size=4m", "bytes are to come"),  # known before anything is downloaded
        ("size=64m,nr_inodes=24", "it became full while the model was written"),
    ],
)
def test_a_model_that_does_not_fit_on_the_disk_is_reported_as_such(told, mount, cause):
    with running_store_server() as store:
        store.put("artifacts/1/m/MLmodel", b"flavors: {}")
        for number in range(40):
            store.put(f"artifacts/1/m/part-{number}", bytes(1 << 18))
        code = fetch(store, told, mount)
    message = json.loads(told.read_text())
    assert code == 1
    assert (message["stage"], message["reason"]) == ("fetch", "DiskFull")
    assert cause in message["cause"]
    assert message["cure"] == "free space on the node, or schedule the pods on nodes with more"


def test_a_model_that_fills_the_disk_while_loading_is_reported_as_such(told):
    scratch = told.with_name("scratch")
    scratch.mkdir()
    within = with_mounts('mount -t tmpfs -o size=4m tmpfs "$1"', str(scratch))
    environment = {"DAVIT_TERMINATION_LOG": str(told), "TMPDIR": str(scratch), "PYTHONPATH": TESTS}
    arguments = (str(model_path("unpacking")), "--port", str(free_port()))
    with started(*arguments, within=within, **environment) as process:
        process.communicate(timeout=PATIENCE_SECONDS)
    message = json.loads(told.read_text())
    assert process.returncode == 1
    assert (message["stage"], message["reason"]) == ("load", "DiskFull")
    assert "/tmp" in message["cure"]


@pytest.mark.parametrize("workers", ["1", "2"])
def test_only_the_temporary_folder_needs_to_be_writable(workers, tmp_path: Path):
    port = free_port()
    within = with_mounts(READ_ONLY, str(model_path("iris")), str(Path(TESTS, "written")), str(tmp_path))
    arguments = ("/mnt", "--port", str(port), "-w", workers)
    with started(*arguments, within=within, TMPDIR=str(tmp_path)) as process:
        wait_until_ready(port, process)
        status, scrape = get(port, "/metrics")
    assert status == 200
    assert "davit_model_smoke_test_passed" in scrape
