"""Routes: who reads a model's files, from where, with whose credentials."""

import pytest
from davit_operator.domain.access import ListingAccess, Route
from davit_operator.domain.errors import InvalidSpec, ModelRejected
from davit_operator.models.route import Platform, choose_registry_url, choose_route
from davit_resource.v1alpha1 import ModelSpec

URL = "http://mlflow.mlflow.svc:5000"
PROXIED = "mlflow-artifacts:/1/models/m-a/artifacts"
PLAIN = Platform(URL)
MAPPED = Platform(URL, artifacts_destination="s3://mlflow/artifacts/")
LOCKED = Platform(URL, registry_has_credentials=True)


def model(**fields):
    return ModelSpec.model_validate({"uri": "models:/iris@champion", **fields})


def test_proxied_files_are_listed_through_the_proxy_when_nothing_else_is_known():
    assert choose_route(PROXIED, model(), PLAIN) == Route(PROXIED, PROXIED, ListingAccess.PROXY)


def test_proxied_files_are_listed_in_the_store_when_the_settings_say_which():
    route = choose_route(PROXIED, model(), MAPPED)
    assert route == Route(
        PROXIED, "s3://mlflow/artifacts/1/models/m-a/artifacts", ListingAccess.OPERATOR_STORE
    )


def test_another_registry_is_never_mapped_to_the_operators_store():
    route = choose_route(PROXIED, model(registry={"url": "http://other:5000"}), MAPPED)
    assert route.access is ListingAccess.PROXY


def test_a_proxy_with_a_host_name_is_never_mapped_to_the_operators_store():
    location = "mlflow-artifacts://other:5000/1/models/m-a/artifacts"
    assert choose_route(location, model(), MAPPED).access is ListingAccess.PROXY


def test_a_store_secret_lets_pods_and_operator_read_straight_from_the_store():
    route = choose_route(PROXIED, model(storeSecretName="store"), MAPPED)
    assert route.fetch == route.listing == "s3://mlflow/artifacts/1/models/m-a/artifacts"


def test_a_store_secret_that_cannot_be_used_is_refused_rather_than_ignored():
    with pytest.raises(
        InvalidSpec, match=r"spec\.model\.storeSecretName is set.*remove the field"
    ) as refused:
        choose_route(PROXIED, model(storeSecretName="store"), PLAIN)
    assert refused.value.reason == "StoreSecretUnused"


def test_files_in_s3_need_a_store_secret():
    with pytest.raises(InvalidSpec, match=r"spec\.model\.storeSecretName.*AWS_ACCESS_KEY_ID") as refused:
        choose_route("s3://bucket/iris", model(), MAPPED)
    assert refused.value.reason == "StoreSecretRequired"


def test_files_in_s3_are_read_with_the_store_secret():
    route = choose_route("s3://bucket/iris", model(storeSecretName="store"), PLAIN)
    assert route == Route("s3://bucket/iris", "s3://bucket/iris", ListingAccess.STORE_SECRET)


def test_unsupported_stores_are_rejected_with_the_alternative():
    with pytest.raises(
        ModelRejected, match="none of s3://BUCKET/PREFIX, mlflow-artifacts:/PATH; log the model"
    ):
        choose_route("gs://bucket/iris", model(), PLAIN)


def test_the_operators_own_login_is_not_handed_to_pods():
    with pytest.raises(InvalidSpec, match=r"spec\.model\.registry\.secretName is missing") as refused:
        choose_route(PROXIED, model(), LOCKED)
    assert refused.value.reason == "RegistrySecretRequired"
    assert (
        choose_route(PROXIED, model(registry={"secretName": "login"}), LOCKED).access is ListingAccess.PROXY
    )


def test_a_store_secret_spares_the_pods_the_registrys_login():
    platform = Platform(URL, registry_has_credentials=True, artifacts_destination="s3://mlflow")
    assert choose_route(PROXIED, model(storeSecretName="store"), platform).fetch.startswith("s3://mlflow/1/")


def test_a_missing_registry_is_rejected():
    assert choose_registry_url(model(registry={"url": "http://other"}), PLAIN) == "http://other"
    assert choose_registry_url(model(registry={"secretName": "login"}), PLAIN) == URL
    with pytest.raises(InvalidSpec, match=r"spec\.model\.registry\.url is missing"):
        choose_registry_url(model(), Platform())
