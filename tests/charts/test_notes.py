"""What the stack's chart says after an installation: true for these values, and complete."""

from support.charts.rendering import notes


def test_default_notes_say_how_to_try_it_and_what_is_not_highly_available():
    said = notes()
    assert "http://mlflow.team.svc.cluster.local:5000" in said
    assert "helm test mlflow --namespace team" in said
    assert "http://localhost:5000" in said
    assert (
        "Not highly available, one instance on one volume: the bundled PostgreSQL (database.kind), the"
        in said
    )
    assert "password" not in said


def test_notes_with_external_database_and_store_have_no_warning():
    own = "database.kind=postgresql,database.host=db,database.existingSecret=login,store.kind=volume"
    assert "highly available" not in notes("--set", own)


def test_notes_with_tls_and_users_say_https_and_where_the_password_is():
    said = notes("--set", "auth.enabled=true,tls.enabled=true")
    assert "https://localhost:5000" in said
    assert "get secret mlflow-auth --output 'jsonpath={.data.password}'" in said
    assert r"get secret mlflow-tls --output 'jsonpath={.data.ca\.crt}'" in said
    assert "export MLFLOW_TRACKING_URI=https://localhost:5000" in said
    assert "spec.model.registry.secretName" in said


def test_notes_behind_an_ingress_mention_no_port_forward():
    said = notes(
        "--set", "auth.enabled=true,tls.enabled=true,ingress.enabled=true,ingress.hosts={a.example.com}"
    )
    assert "get secret mlflow-auth" in said
    assert "localhost" not in said
    assert "mlflow-tls" not in said


def test_notes_pass_every_secret_outside_the_connection_to_the_operator():
    own = "auth.enabled=true,auth.existingSecret=a,tls.enabled=true,tls.existingSecret=b"
    said = notes("--set", f"{own},webhooks.existingSecret=c,store.existingSecret=d")
    wanted = "store.secretName=d,registry.secretName=a,caSecretName=b,webhook.secretName=c"
    assert f"--set connection.secretName=mlflow-davit-connection,{wanted}\n" in said


def test_notes_pass_the_stores_ca_certificate_to_the_operator():
    own = "store.kind=s3,store.endpoint=https://s3.example.com,store.existingSecret=keys,store.caSecret=ca"
    assert "mlflow-davit-connection,store.secretName=keys,caSecretName=ca\n" in notes("--set", own)


def test_notes_pass_no_keys_of_a_store_that_the_operator_cannot_reach():
    azure = "store.kind=azure,store.azure.account=acme,store.existingSecret=keys"
    assert "--set connection.secretName=mlflow-davit-connection\n" in notes("--set", azure)


def test_notes_during_a_restore_say_how_to_continue():
    said = notes("--set", "restore.from=latest")
    assert "--reset-then-reuse-values --set restore.from= --set restore.overwrite=false" in said
