"""MLflow and served models on stores of one's own, each of them a server of the real protocol.

All files pass through the tracking server: neither the client nor a serving pod knows a key of the store.
"""

import pytest
from support.backing_servers import CERTIFICATES, Server, apply, give_certificates, give_secret, start
from support.live import Place
from support.own_stack import OwnStack
from support.store_images import ensure_image

from examples.demo.stage import SERVER_IMAGE

SQLITE = {"kind": "sqlite"}
S3_KEYS = {"AWS_ACCESS_KEY_ID": "of-the-story", "AWS_SECRET_ACCESS_KEY": "secret/of+the=story"}

LISTED = [["a.txt", 5], ["deep/er/b.bin", 256 * 40960], ["deep/ä ☃.txt", 5], ["empty", 0]]


@pytest.fixture
def stack(place: Place, helm, loaded, operator) -> OwnStack:
    return OwnStack(place, helm, loaded[1])


def run_once(stack: OwnStack, program: str, secret: str) -> None:
    """Run a Python program in a pod of MLflow's image, which has every store's own client."""
    image = stack.image("mlflow", "davit.dev/mlflow:3.17.2")
    container = {
        "name": "program",
        "image": image,
        "command": ["python", "-c", program],
        "envFrom": [{"secretRef": {"name": secret}}],
    }
    spec = {"restartPolicy": "Never", "enableServiceLinks": False, "containers": [container]}
    apply(stack.place, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "once"}, "spec": spec})
    done = "--for=jsonpath={.status.phase}=Succeeded"
    stack.place.run("wait", "pod/once", done, "--timeout=110s")


def own_s3(stack: OwnStack, scheme: str) -> dict:
    """A second S3 server, in another region; over https with a certificate of a private authority."""
    give_secret(stack.place, "store-keys", **S3_KEYS)
    encryption = ()
    if scheme == "https":
        give_certificates(stack.place, "other-s3")
        encryption = (f"--cert={CERTIFICATES}/tls.crt", f"--key={CERTIFICATES}/tls.key")
    keys = {
        "ROOT_ACCESS_KEY": S3_KEYS["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_KEY": S3_KEYS["AWS_SECRET_ACCESS_KEY"],
    }
    words = ("--port=:7070", "--region=eu-test-1", *encryption, "posix", "/tmp")
    image = stack.image("versitygw", "docker.io/versity/versitygw:v1.7.0")
    start(stack.place, Server("other-s3", image, 7070, 65532, words, keys))
    endpoint = f"{scheme}://other-s3.{stack.place.namespace}.svc:7070"
    program = (
        "import boto3;"
        f"boto3.client('s3', endpoint_url={endpoint!r}, region_name='eu-test-1', verify=False)"
        ".create_bucket(Bucket='mlflow', CreateBucketConfiguration={'LocationConstraint': 'eu-test-1'})"
    )
    run_once(stack, program, "store-keys")
    own = {"kind": "s3", "endpoint": endpoint, "region": "eu-test-1", "existingSecret": "store-keys"}
    return own if scheme == "http" else {**own, "caSecret": "private-ca"}


def own_google(stack: OwnStack, cluster) -> dict:
    """A server of Google Cloud Storage's protocol."""
    endpoint = f"http://google.{stack.place.namespace}.svc:4443"
    words = f"-scheme http -port 4443 -backend memory -external-url {endpoint}"
    image = ensure_image(cluster, "fake-gcs-server")
    start(stack.place, Server("google", image, 4443, 65532, tuple(words.split())))
    give_secret(stack.place, "emulator", STORAGE_EMULATOR_HOST=endpoint)
    run_once(stack, "from google.cloud import storage; storage.Client().create_bucket('mlflow')", "emulator")
    return {"kind": "gcs", "endpoint": endpoint}


def install_and_check(stack: OwnStack, store: dict, uri: str = "mlflow-artifacts:/") -> None:
    stack.install(database=SQLITE, store=store)
    found = stack.use("artifacts")
    assert found["uri"].startswith(uri)
    assert found["listed"] == LISTED
    assert found["same"]
    assert found["left"] == [entry for entry in LISTED if not entry[0].startswith("deep/")]


def assert_served(stack: OwnStack) -> None:
    assert stack.serve("first-column") == [4.0, 2.0]
    [pod] = stack.place.pods("first-column")
    assert pod["spec"]["containers"][0]["image"] == SERVER_IMAGE
    assert "store-keys" not in str(pod["spec"])


def test_an_s3_store_of_ones_own(stack: OwnStack):
    install_and_check(stack, own_s3(stack, "http"))
    assert_served(stack)


def test_an_s3_store_behind_a_private_authority(stack: OwnStack):
    install_and_check(stack, own_s3(stack, "https"))


def test_google_cloud_storage(stack: OwnStack, cluster):
    install_and_check(stack, own_google(stack, cluster))
    assert_served(stack)
