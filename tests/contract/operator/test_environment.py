"""What the operator writes into a pod's environment is what the server reads from it."""

import os
from dataclasses import replace
from typing import Any

import yaml
from davit_operator.domain.access import ListingAccess, Route
from davit_operator.domain.pin import Pin
from davit_operator.workload import server_env
from davit_operator.workload.blueprint import Blueprint, ServerImage, TrackGoal
from davit_registry.resolved import ResolvedModel
from davit_registry.stores.table import STORES
from davit_resource.v1alpha1 import ModelDeploymentSpec, parse_resource
from davit_server.artifacts.settings import FetchSettings, variable
from davit_server.settings import Settings
from pydantic.alias_generators import to_camel
from pydantic_settings import BaseSettings
from support.schemas.crd import ROOT

FULL = yaml.safe_load((ROOT / "manifests" / "samples" / "full.yaml").read_text())
LOCATIONS = {"s3": "s3://b/iris", "mlflow-artifacts": "mlflow-artifacts:/1/iris"}


def blueprint(scheme: str = "mlflow-artifacts") -> Blueprint:
    metadata = {"namespace": "demo", "name": "iris", "uid": "u"}
    resource = parse_resource({"metadata": metadata, "spec": FULL["spec"]})
    location = LOCATIONS[scheme]
    source = ResolvedModel(
        "models:/iris@champion", "http://mlflow:5000", location, "iris", "3", "run", "m-iris"
    )
    return Blueprint(
        ref=resource.ref,
        uid=resource.uid,
        spec=resource.parse_spec(),
        goal=TrackGoal("stable", Pin(source, "sha256:" + "0" * 64), replicas=1),
        route=Route(location, location, ListingAccess.PROXY),
        image=ServerImage("davit.dev/server:0.1.0"),
        ca_certificates="-----BEGIN CERTIFICATE-----",
    )


def known(settings: type[BaseSettings]) -> set[str]:
    return {f"DAVIT_{name.upper()}" for name in settings.model_fields}


def values(env: list[dict[str, Any]]) -> dict[str, str]:
    return {one["name"]: one.get("value", "from-a-secret") for one in env}


def test_serve_reads_everything_that_the_operator_writes():
    own = set(values(server_env.serve_env(blueprint()))) - {one["name"] for one in FULL["spec"]["env"]}
    assert own <= known(Settings)


def test_fetch_reads_everything_that_the_operator_writes():
    own = set(map(variable, FetchSettings.names()))
    for kind in STORES:
        assert set(values(server_env.fetch_env(blueprint(kind.scheme)))) <= own | set(kind.variables)


def test_only_fetch_gets_the_ca_certificates():
    for scheme in LOCATIONS:
        assert "DAVIT_CA_CERTIFICATES" in values(server_env.fetch_env(blueprint(scheme)))
    assert "DAVIT_CA_CERTIFICATES" not in values(server_env.serve_env(blueprint()))


def test_every_field_of_spec_server_changes_the_environment():
    plain = values(server_env.serve_env(blueprint()))
    fields = ModelDeploymentSpec.model_fields["server"].annotation.model_fields
    changed = {
        "workers": ("DAVIT_WORKERS", "2"),
        "request_timeout_seconds": ("DAVIT_REQUEST_TIMEOUT_SECONDS", "30"),
        "max_body_bytes": ("DAVIT_MAX_BODY_BYTES", "4194304"),
        "max_queue": ("DAVIT_MAX_QUEUE", "128"),
        "max_rows": ("DAVIT_MAX_ROWS", "50000"),
        "max_json_depth": ("DAVIT_MAX_JSON_DEPTH", "32"),
        "drain_seconds": ("DAVIT_DRAIN_SECONDS", "15"),
        "batching": ("DAVIT_BATCHING", "Auto"),
        "concurrency": ("DAVIT_CONCURRENCY", "16"),
        "startup_predictions": ("DAVIT_STARTUP_PREDICTIONS", "Auto"),
        "plan": ("DAVIT_PLAN", "Onnx"),
        "tolerance": ("DAVIT_TOLERANCE", "0.001"),
        "access_log": ("DAVIT_ACCESS_LOG", "true"),
        "log_level": ("DAVIT_LOG_LEVEL", "Info"),
    }
    assert changed.keys() == fields.keys()
    assert {name: plain[name] for name, _ in changed.values()} == dict(changed.values())


def test_the_servers_readme_names_each_field_beside_its_variable():
    rows = [line.split("|") for line in (ROOT / "server/README.md").read_text().splitlines()]
    told = {
        row[2].split("`")[1]: row[1].split("`")[1]
        for row in rows
        if len(row) == 6 and "`DAVIT_" in row[1] and "`" in row[2]
    }
    fields = ModelDeploymentSpec.model_fields["server"].annotation.model_fields
    assert told == {to_camel(name): f"DAVIT_{name.upper()}" for name in fields}


def test_the_servers_settings_accept_the_operators_values(monkeypatch):
    for name, value in values(server_env.serve_env(blueprint())).items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert settings.request_timeout_seconds == 30
    assert settings.access_log
    assert (settings.max_rows, settings.max_json_depth) == (50000, 32)
    assert settings.model_name == "iris"


def test_the_settings_of_fetch_accept_the_operators_values(monkeypatch):
    for name, value in values(server_env.fetch_env(blueprint("s3"))).items():
        monkeypatch.setenv(name, value)
    assert FetchSettings.from_environment(os.environ).fetch_location == "s3://b/iris"


def test_disabled_batching_is_off_in_the_server(monkeypatch):
    made = blueprint()
    spec = made.spec.model_copy(
        update={"server": made.spec.server.model_copy(update={"batching": "Disabled"})}
    )
    env = values(server_env.serve_env(replace(made, spec=spec)))
    monkeypatch.setenv("DAVIT_BATCHING", env["DAVIT_BATCHING"])
    assert Settings().batching == "off"


def test_the_defaults_that_the_grace_period_relies_on_are_the_servers():
    server = ModelDeploymentSpec.model_validate({"model": {"uri": "models:/a/1"}}).server
    fields = Settings.model_fields
    assert server_env.drain_seconds(server) == fields["drain_seconds"].default
    assert server_env.request_timeout_seconds(server) == fields["request_timeout_seconds"].default
    assert str(server_env.MODEL_PATH) == str(fields["model_path"].default)
    assert fields["port"].default == server_env.PORT
