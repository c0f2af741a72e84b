"""MLflow on databases that are servers, each of them real, with a password of the worst characters."""

import json

import pytest
from support.backing_servers import CERTIFICATES, Server, give_certificates, give_secret, start
from support.live import Place
from support.own_stack import OwnStack
from support.store_images import ensure_image

PASSWORD = "p@ss/w:rd?#[] 100%25 'quo\"te`\\ $(HOME) ${X} grün 密码🔑"
MARK = "密码"  # no encoding of it occurs by chance

TLS = {"mode": "verify-full", "caSecret": "private-ca"}


@pytest.fixture
def stack(place: Place, helm, loaded) -> OwnStack:
    return OwnStack(place, helm, loaded[1])


def own_postgresql(stack: OwnStack) -> dict:
    """A second PostgreSQL, encrypted, with a certificate of a private authority."""
    give_certificates(stack.place, "other-postgresql")
    words = "postgres -c ssl=on -c ssl_cert_file=C/tls.crt -c ssl_key_file=C/tls.key -c fsync=off"
    server = Server(
        "other-postgresql",
        stack.image("postgresql", "docker.io/library/postgres:15.18"),
        5432,
        999,
        tuple(words.replace("C/", f"{CERTIFICATES}/").split()),
        {
            "POSTGRES_USER": "tracker",
            "POSTGRES_DB": "tracking",
            "POSTGRES_PASSWORD": PASSWORD,
            "POSTGRES_INITDB_ARGS": "--encoding=UTF8 --locale=C.UTF-8",
            "PGDATA": "/tmp/data",
        },
    )
    start(stack.place, server)
    return {"kind": "postgresql", "host": server.name, "tls": TLS}


def own_mysql(stack: OwnStack, image: str) -> dict:
    """A MariaDB that takes encrypted connections only."""
    give_certificates(stack.place, "other-mariadb")
    server = Server(
        "other-mariadb",
        image,
        3306,
        999,
        secret={"MARIADB_USER": "tracker", "MARIADB_DATABASE": "tracking", "MARIADB_PASSWORD": PASSWORD},
    )
    start(stack.place, server)
    return {"kind": "mysql", "host": server.name, "tls": TLS}


def install(stack: OwnStack, database: dict, **more: dict) -> None:
    give_secret(stack.place, "database-login", password=PASSWORD)
    login = {"name": "tracking", "username": "tracker", "existingSecret": "database-login"}
    stack.install(database={**login, **database}, store={"kind": "volume"}, **more)


def check(found: dict) -> None:
    assert {key: found[key] for key in ("note", "param", "description", "tag")} == dict.fromkeys(
        ("note", "param", "description", "tag"), True
    )
    assert found["history"] == [1, 1 / 2, 1 / 3, 1 / 4, 1 / 5]
    assert found["champion"] == "2"
    assert found["stages"] == {"1": "Archived", "2": "Production"}


def assert_hidden(stack: OwnStack) -> None:
    """The password is in Secrets and nowhere else that can be read."""
    kinds = "pods,configmaps,deployments,statefulsets,jobs,services"
    seen = stack.place.run("get", kinds, "-o", "json") + stack.helm.values("mlflow", stack.place.namespace)
    seen += stack.place.run("logs", "deployment/mlflow", "--all-containers")
    escaped = [json.dumps(MARK).strip('"'), "%E5%AF%86", MARK.encode().decode("latin-1")]
    assert not [form for form in (MARK, *escaped) if form in seen]


def test_the_bundled_postgresql_with_a_password_of_ones_own(stack: OwnStack):
    install(stack, {"kind": "bundled"})
    check(stack.use("database"))
    assert_hidden(stack)


def test_a_postgresql_of_ones_own_behind_a_private_authority(stack: OwnStack):
    install(stack, own_postgresql(stack))
    check(stack.use("database"))
    assert_hidden(stack)


def test_a_mariadb_of_ones_own_that_takes_encrypted_connections_only(stack: OwnStack, cluster):
    image = ensure_image(cluster, "mariadb")
    repository, tag = image.split(":")
    install(stack, own_mysql(stack, image), backup={"image": {"repository": repository, "tag": tag}})
    check(stack.use("database"))
    assert_hidden(stack)
