"""External databases and stores: real servers, started in a story's namespace.

Each function returns the values by which a release of the stack chart is told of its server.
"""

from typing import Any

from support.stack.backing_servers import CERTIFICATES, Server, apply, give_secret, start
from support.stack.release import StackRelease
from support.stack.store_images import ensure_image

from devcluster.images.catalog import IMAGES
from examples.demo.cluster import Cluster

Values = dict[str, Any]

PASSWORD = "p@ss/w:rd?#[] 100%25 'quo\"te`\\ $(HOME) ${X} grün 密码🔑"
S3_KEYS = {"AWS_ACCESS_KEY_ID": "of-the-story", "AWS_SECRET_ACCESS_KEY": "secret/of+the=story"}

_LOGIN = {"name": "tracking", "username": "tracker", "existingSecret": "database-login"}
_AZURE_KEY = "c2VjcmV0IG9mIHRoZSBzdG9yeQ=="


def bundled_postgresql(stack: StackRelease) -> Values:
    """The chart's own, with a password of the worst characters."""
    give_secret(stack.place, "database-login", password=PASSWORD)
    return {"kind": "bundled", **_LOGIN}


def own_postgresql(stack: StackRelease) -> Values:
    """A second PostgreSQL, encrypted with the certificate in the Secret `certificates`."""
    words = "postgres -c ssl=on -c ssl_cert_file=C/tls.crt -c ssl_key_file=C/tls.key -c fsync=off"
    environment = {
        "POSTGRES_USER": "tracker",
        "POSTGRES_DB": "tracking",
        "POSTGRES_PASSWORD": PASSWORD,
        "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8",
        "PGDATA": "/tmp/data",
    }
    image = stack.image("postgresql", "docker.io/library/postgres:15.18")
    arguments = tuple(words.replace("C/", f"{CERTIFICATES}/").split())
    start(stack.place, Server("other-postgresql", image, 5432, 999, arguments, environment))
    return _encrypted(stack, "postgresql", "other-postgresql")


def own_mariadb(stack: StackRelease, cluster: Cluster) -> tuple[Values, Values]:
    """A MariaDB that takes encrypted connections only, and the image that has its programs."""
    image = ensure_image(cluster, "mariadb")
    environment = {
        "MARIADB_USER": "tracker",
        "MARIADB_DATABASE": "tracking",
        "MARIADB_PASSWORD": PASSWORD,
    }
    start(stack.place, Server("other-mariadb", image, 3306, 999, secret=environment))
    repository, tag = image.split(":")
    return _encrypted(stack, "mysql", "other-mariadb"), {"repository": repository, "tag": tag}


def _encrypted(stack: StackRelease, kind: str, host: str) -> Values:
    give_secret(stack.place, "database-login", password=PASSWORD)
    return {"kind": kind, "host": host, **_LOGIN, "tls": {"mode": "verify-full", "caSecret": "private-ca"}}


def own_s3(stack: StackRelease, scheme: str) -> Values:
    """A second S3 server, in another region; by https with the certificate in the Secret `certificates`."""
    give_secret(stack.place, "store-keys", **S3_KEYS)
    encryption = (f"--cert={CERTIFICATES}/tls.crt", f"--key={CERTIFICATES}/tls.key")
    words = (
        "--port=:7070",
        "--region=eu-test-1",
        *(encryption if scheme == "https" else ()),
        "posix",
        "/tmp",
    )
    keys = {
        "ROOT_ACCESS_KEY": S3_KEYS["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_KEY": S3_KEYS["AWS_SECRET_ACCESS_KEY"],
    }
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


def own_azure(stack: StackRelease, cluster: Cluster) -> Values:
    """Azure's own emulator of its Blob Storage."""
    words = "--blobHost 0.0.0.0 --inMemoryPersistence --disableTelemetry --silent --skipApiVersionCheck"
    image = ensure_image(cluster, "azurite")
    accounts = {"AZURITE_ACCOUNTS": f"models:{_AZURE_KEY}"}
    start(stack.place, Server("azurite", image, 10000, 65532, tuple(words.split()), accounts))
    # A host with dots would be one account's own to Azurite.
    connection = (
        f"DefaultEndpointsProtocol=http;AccountName=models;AccountKey={_AZURE_KEY};"
        "BlobEndpoint=http://azurite:10000/models;"
    )
    give_secret(stack.place, "store-keys", AZURE_STORAGE_CONNECTION_STRING=connection)
    program = (
        "import os; from azure.storage.blob import BlobServiceClient;"
        "BlobServiceClient.from_connection_string(os.environ['AZURE_STORAGE_CONNECTION_STRING'])"
        ".create_container('mlflow')"
    )
    run_once(stack, program, "store-keys")
    return {"kind": "azure", "azure": {"account": "models"}, "existingSecret": "store-keys"}


def own_google(stack: StackRelease, cluster: Cluster) -> Values:
    """A server of Google Cloud Storage's protocol."""
    endpoint = f"http://google.{stack.place.namespace}.svc:4443"
    words = f"-scheme http -port 4443 -backend memory -external-url {endpoint}"
    image = ensure_image(cluster, "fake-gcs-server")
    start(stack.place, Server("google", image, 4443, 65532, tuple(words.split())))
    give_secret(stack.place, "emulator", STORAGE_EMULATOR_HOST=endpoint)
    run_once(stack, "from google.cloud import storage; storage.Client().create_bucket('mlflow')", "emulator")
    return {"kind": "gcs", "endpoint": endpoint}


def run_once(stack: StackRelease, program: str, secret: str) -> None:
    """Run a Python program in a pod of MLflow's image, which has every store's own client."""
    container = {
        "name": "program",
        "image": stack.image("mlflow", IMAGES["mlflow"].reference),
        "command": ["python", "-c", program],
        "envFrom": [{"secretRef": {"name": secret}}],
    }
    spec = {"restartPolicy": "Never", "enableServiceLinks": False, "containers": [container]}
    apply(stack.place, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "once"}, "spec": spec})
    done = "--for=jsonpath={.status.phase}=Succeeded"
    stack.place.run("wait", "pod/once", done, "--timeout=110s")
