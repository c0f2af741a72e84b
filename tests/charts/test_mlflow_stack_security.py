"""The stack's credentials, certificates and walls, and what it tells the operator."""

import base64

import pytest
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from davit_resource import constants
from support.charts.rendering import ChartError, containers, documents, environment, one, pod_specs, render


def rendered(*values: str):
    return documents(
        render("mlflow-stack", "mlflow", *(word for value in values for word in ("--set", value)))
    )


def server(objects):
    return one(objects, "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"][0]


def connection(objects) -> dict[str, str]:
    return one(objects, "Secret", "mlflow-davit-connection")["stringData"]


def decoded(objects, name: str) -> dict[str, str]:
    data = one(objects, "Secret", name)["data"]
    return {key: base64.b64decode(value).decode() for key, value in data.items()}


def test_the_key_that_encrypts_webhook_secrets_is_one_that_mlflow_can_use():
    key = decoded(rendered(), "mlflow-webhooks")["encryptionKey"]
    assert Fernet(key).decrypt(Fernet(key).encrypt(b"secret")) == b"secret"


def test_the_connection_has_the_secret_that_signs_deliveries():
    objects = rendered()
    assert connection(objects)["DAVIT_WEBHOOK_SECRET"] == decoded(objects, "mlflow-webhooks")["secret"]


def test_mlflow_may_call_private_addresses_only_for_webhooks_of_the_cluster():
    names = {"MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"}
    assert names <= environment(server(rendered())).keys()
    without = rendered("webhooks.enabled=false")
    assert not names & environment(server(without)).keys()
    assert "DAVIT_WEBHOOK_SECRET" not in connection(without)


def test_all_servers_share_the_webhook_key_and_notice_new_webhooks_within_seconds():
    variables = environment(server(rendered("webhooks.enabled=false")))
    reference = variables["MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"]["valueFrom"]["secretKeyRef"]
    assert reference == {"name": "mlflow-webhooks", "key": "encryptionKey"}
    assert int(variables["MLFLOW_WEBHOOK_CACHE_TTL"]["value"]) <= 3


def variable(container, name: str) -> str:
    return str(environment(container)[name]["value"])


def test_without_users_and_tls_no_object_mentions_them():
    objects = rendered()
    assert not [one for one in environment(server(objects)) if "AUTH" in one]
    assert not {"DAVIT_REGISTRY_PASSWORD", "DAVIT_CA_CERTIFICATES"} & connection(objects).keys()
    names = {obj["metadata"]["name"] for obj in objects}
    assert not {"mlflow-auth", "mlflow-tls", "mlflow-server"} & names


def test_the_connection_names_the_administrator():
    objects = rendered("auth.enabled=true")
    made = decoded(objects, "mlflow-auth")
    assert made["username"] == "admin"
    assert min(len(made["password"]), len(made["secretKey"])) >= 32
    told = connection(objects)
    assert (told["DAVIT_REGISTRY_USERNAME"], told["DAVIT_REGISTRY_PASSWORD"]) == ("admin", made["password"])
    assert "--app-name=basic-auth" in server(objects)["args"]
    assert int(variable(server(objects), "MLFLOW_AUTH_CACHE_SECONDS")) > 0


def test_server_migration_and_waiting_containers_use_one_user_database():
    objects = rendered("auth.enabled=true", "auth.database=people")
    [job] = [obj for obj in objects if obj["kind"] == "Job"]
    pods = [job, one(objects, "Deployment", "mlflow")]
    found = [
        variable(container, "MLFLOW_AUTH_DATABASE")
        for pod in pods
        for container in containers(pod["spec"]["template"]["spec"])
        if container["name"] in {"migrate", "await-stores", "mlflow"}
    ]
    assert found == ["people"] * 3


@pytest.mark.parametrize("beginning", ["CronJob mlflow-backup", "Job mlflow-migrate-", "Job mlflow-restore-"])
def test_backup_jobs_know_the_user_database_but_no_passwords_of_users(beginning: str):
    restoring = ("restore.from=latest",) if "restore" in beginning else ()
    specs = pod_specs(rendered("auth.enabled=true", *restoring))
    [spec] = [spec for name, spec in specs.items() if name.startswith(beginning)]
    scripts = [one for one in containers(spec) if one["command"][0] == "python"]
    assert [variable(one, "MLFLOW_AUTH_DATABASE") for one in scripts] == ["mlflow_auth"] * len(scripts)
    knowing = [one["name"] for one in scripts if "MLFLOW_AUTH_ADMIN_PASSWORD" in environment(one)]
    assert knowing == (["migrate"] if "migrate" in beginning else [])


def test_garbage_collection_and_helm_test_authenticate_as_clients():
    objects = rendered("auth.enabled=true", "tls.enabled=true", "garbageCollection.enabled=true")
    specs = pod_specs(objects)
    for name in ("CronJob mlflow-garbage-collection", "Pod mlflow-test"):
        client = specs[name]["containers"][0]
        assert variable(client, "MLFLOW_TRACKING_URI").startswith("https://")
        proof = environment(client)["MLFLOW_TRACKING_PASSWORD"]["valueFrom"]["secretKeyRef"]
        assert proof == {"name": "mlflow-auth", "key": "password"}
        assert trusted_secrets(specs[name]) == ["mlflow-tls"]


def trusted_secrets(spec) -> list[str]:
    """The Secrets with the CA certificates that a pod's first container trusts."""
    [projected] = [volume for volume in spec["volumes"] if volume["name"] == "ca-certificates"]
    [mount] = [one for one in spec["containers"][0]["volumeMounts"] if one["name"] == "ca-certificates"]
    assert variable(spec["containers"][0], "CA_CERTIFICATES_FOLDER") == mount["mountPath"]
    return [source["secret"]["name"] for source in projected["projected"]["sources"]]


def test_clients_trust_the_stores_ca_because_presigned_urls_lead_there():
    own = ("store.kind=s3", "store.endpoint=https://s3", "store.caSecret=store-ca", "tls.enabled=true")
    assert trusted_secrets(pod_specs(rendered(*own))["Pod mlflow-test"]) == ["store-ca", "mlflow-tls"]
    assert trusted_secrets(pod_specs(rendered(*own[:-1]))["Pod mlflow-test"]) == ["store-ca"]


def test_one_certificate_covers_every_name_of_server_and_store():
    objects = rendered("tls.enabled=true")
    made = decoded(objects, "mlflow-tls")
    authority = x509.load_pem_x509_certificate(made["ca.crt"].encode())
    certificate = x509.load_pem_x509_certificate(made["tls.crt"].encode())
    certificate.verify_directly_issued_by(authority)
    key = serialization.load_pem_private_key(made["tls.key"].encode(), None)
    assert key.public_key() == certificate.public_key()
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    known = set(names.get_values_for_type(x509.DNSName))
    for service in ("mlflow", "mlflow-versitygw"):
        assert {
            service,
            f"{service}.team",
            f"{service}.team.svc",
            f"{service}.team.svc.cluster.local",
        } <= known


def test_the_bundled_store_reuses_connections_only_without_tls():
    for values, kept in (((), True), (("tls.enabled=true",), False)):
        [store] = pod_specs(rendered(*values))["StatefulSet mlflow-versitygw"]["containers"]
        assert ("--keep-alive" in store["args"]) == kept


def test_with_tls_every_url_is_https_and_the_connection_has_the_ca_certificate():
    objects = rendered("tls.enabled=true")
    told = connection(objects)
    assert told["DAVIT_REGISTRY_URL"] == "https://mlflow.team.svc.cluster.local:5000"
    assert told["AWS_ENDPOINT_URL"] == "https://mlflow-versitygw.team.svc.cluster.local:7070"
    assert told["DAVIT_CA_CERTIFICATES"] == decoded(objects, "mlflow-tls")["ca.crt"]
    assert variable(server(objects), "MLFLOW_S3_ENDPOINT_URL") == told["AWS_ENDPOINT_URL"]
    assert variable(server(objects), "AWS_CA_BUNDLE").endswith("/ca.crt")
    assert "https://mlflow.team.svc:*" in variable(server(objects), "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")


def test_with_tls_probes_use_https_and_only_servers_hold_the_key():
    objects = rendered("tls.enabled=true", "auth.enabled=true")
    for name, spec in pod_specs(objects).items():
        for container in containers(spec):
            holds = "tls" in {mount["name"] for mount in container.get("volumeMounts", [])}
            assert holds == (container["name"] in {"mlflow", "versitygw"}), f"{name} {container['name']}"
            for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
                if "httpGet" in container.get(kind, {}):
                    assert container[kind]["httpGet"]["scheme"] == "HTTPS", f"{name} {container['name']}"


def test_an_existing_certificate_is_used_and_left_out_of_the_connection():
    objects = rendered("tls.enabled=true", "tls.existingSecret=mine")
    assert "DAVIT_CA_CERTIFICATES" not in connection(objects)
    volumes = one(objects, "Deployment", "mlflow")["spec"]["template"]["spec"]["volumes"]
    assert {volume["secret"]["secretName"] for volume in volumes if "secret" in volume} == {"mine"}


@pytest.mark.parametrize("name", ["mlflow", "mlflow-postgresql", "mlflow-versitygw"])
def test_a_changed_credential_changes_the_pod_template(name: str):
    kind = "Deployment" if name == "mlflow" else "StatefulSet"

    def checksum(*values: str) -> str:
        template = one(rendered(*values), kind, name)["spec"]["template"]
        return str(template["metadata"]["annotations"]["checksum/secrets"])

    # Without a cluster every rendering makes up its own.
    assert checksum("keepData=true") != checksum("keepData=false")
    own = ("database.existingSecret=a", "store.existingSecret=b", "webhooks.existingSecret=c")
    assert checksum(*own, "keepData=true") == checksum(*own, "keepData=false")


def policies(*values: str) -> dict[str, dict]:
    objects = rendered("networkPolicy.enabled=true", *values)
    return {obj["metadata"]["name"]: obj["spec"] for obj in objects if obj["kind"] == "NetworkPolicy"}


def peers(rules) -> list[dict]:
    return [peer for rule in rules for peer in rule.get("from", rule.get("to", []))]


def test_only_mlflow_and_its_jobs_reach_the_database():
    [peer] = peers(policies()["mlflow-postgresql"]["ingress"])
    labels = {"app.kubernetes.io/name": "mlflow-stack", "app.kubernetes.io/instance": "mlflow"}
    assert peer == {"podSelector": {"matchLabels": labels}}


def test_only_named_clients_and_davits_pods_reach_mlflow_and_the_store():
    client = "networkPolicy.clients[0].namespaceSelector.matchLabels.team=a"
    for name in ("mlflow-server", "mlflow-versitygw"):
        found = peers(policies(client)[name]["ingress"])
        assert {"namespaceSelector": {"matchLabels": {"team": "a"}}} in found
        selected = [peer["podSelector"]["matchLabels"] for peer in found if "podSelector" in peer]
        assert {constants.MANAGED_BY_LABEL: constants.MANAGED_BY} in selected
        assert {"app.kubernetes.io/name": "davit-operator"} in selected
        assert {} not in found


def test_mlflow_connects_only_to_its_own_pods_dns_and_the_webhook_receiver():
    egress = policies()["mlflow-egress"]["egress"]
    assert [[port["port"] for port in rule.get("ports", [])] for rule in egress] == [[53, 53], [], [8081]]
    assert peers(egress)[1]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "davit-operator"}
    assert len(policies("webhooks.enabled=false")["mlflow-egress"]["egress"]) == 2


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("webhooks.secret=a", "secret"),
        ("webhooks.enabled=maybe", "webhooks/enabled"),
        ("auth.adminPassword=a", "adminPassword"),
        ("auth.defaultPermission=ALL", "defaultPermission"),
        ("tls.secretName=a", "secretName"),
        ("networkPolicy.clients=a", "networkPolicy/clients"),
    ],
)
def test_an_invalid_value_is_rejected_by_name(value: str, complaint: str):
    with pytest.raises(ChartError, match=complaint):
        rendered(value)
