"""What the stack's chart says after an installation: true for these values, and complete."""

from support.charts import notes


def test_who_sets_nothing_is_told_how_to_try_it_and_what_is_not_highly_available():
    said = notes()
    assert "http://mlflow.team.svc.cluster.local:5000" in said
    assert "helm test mlflow --namespace team" in said
    assert "http://localhost:5000" in said
    assert (
        "Not highly available, one instance on one volume: the bundled PostgreSQL (database.kind), the"
        in said
    )
    assert "password" not in said


def test_who_has_a_database_and_a_store_is_not_warned():
    own = "database.kind=postgresql,database.host=db,database.existingSecret=login,store.kind=volume"
    assert "highly available" not in notes("--set", own)


def test_with_walls_it_says_https_and_where_the_password_is():
    said = notes("--set", "auth.enabled=true,tls.enabled=true")
    assert "https://localhost:5000" in said
    assert "get secret mlflow-auth --output 'jsonpath={.data.password}'" in said
    assert r"get secret mlflow-tls --output 'jsonpath={.data.ca\.crt}'" in said
    assert "export MLFLOW_TRACKING_URI=https://localhost:5000" in said
    assert "spec.model.registry.secretName" in said


def test_behind_an_ingress_it_says_nothing_of_this_machine():
    said = notes(
        "--set", "auth.enabled=true,tls.enabled=true,ingress.enabled=true,ingress.hosts={a.example.com}"
    )
    assert "get secret mlflow-auth" in said
    assert "localhost" not in said
    assert "mlflow-tls" not in said


def test_the_operator_is_given_every_secret_that_the_connection_leaves_out():
    own = "auth.enabled=true,auth.existingSecret=a,tls.enabled=true,tls.existingSecret=b"
    said = notes("--set", f"{own},webhooks.existingSecret=c,store.existingSecret=d")
    wanted = "store.secretName=d,registry.secretName=a,caSecretName=b,webhook.secretName=c"
    assert f"--set connection.secretName=mlflow-davit-connection,{wanted}\n" in said


def test_the_operator_is_told_whom_to_trust_with_a_store():
    own = "store.kind=s3,store.endpoint=https://s3.example.com,store.existingSecret=keys,store.caSecret=ca"
    assert "mlflow-davit-connection,store.secretName=keys,caSecretName=ca\n" in notes("--set", own)


def test_keys_of_a_store_that_the_operator_cannot_reach_are_not_its_business():
    azure = "store.kind=azure,store.azure.account=acme,store.existingSecret=keys"
    assert "--set connection.secretName=mlflow-davit-connection\n" in notes("--set", azure)


def test_while_a_backup_is_being_restored_it_says_how_to_go_on():
    said = notes("--set", "restore.from=latest")
    assert "--reset-then-reuse-values --set restore.from= --set restore.overwrite=false" in said
