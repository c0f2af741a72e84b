"""The operator's settings and its log lines."""

import json
import logging
import sys

import pytest
from davit_operator.app import build_platform
from davit_operator.logs import JsonFormatter, configure_logging
from davit_operator.settings import Settings
from pydantic import ValidationError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    for name in ("DAVIT_REGISTRY_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_the_environment_is_read_by_its_documented_names(monkeypatch):
    monkeypatch.setenv("DAVIT_REGISTRY_URL", "http://mlflow:5000")
    monkeypatch.setenv("DAVIT_WATCH_NAMESPACES", "a, b,,")
    monkeypatch.setenv("DAVIT_LOG_LEVEL", "debug")
    monkeypatch.setenv("DAVIT_REGISTRY_TOKEN", "hunter2")
    settings = Settings()
    assert settings.registry_url == "http://mlflow:5000"
    assert settings.watch_namespaces == ("a", "b")
    assert settings.log_level == "DEBUG"
    assert "hunter2" not in repr(settings)
    assert build_platform(settings).registry_has_credentials


def test_empty_values_count_as_not_set(monkeypatch):
    monkeypatch.setenv("DAVIT_WATCH_NAMESPACES", "")
    monkeypatch.setenv("DAVIT_RESOLVE_INTERVAL_SECONDS", "")
    assert Settings().watch_namespaces == ()
    assert Settings().resolve_interval_seconds == 30


def test_a_destination_that_is_no_store_is_refused(monkeypatch):
    monkeypatch.setenv("DAVIT_ARTIFACTS_DESTINATION", "/mlartifacts")
    with pytest.raises(ValidationError):
        Settings()


def test_credentials_in_the_registrys_url_are_rejected_and_not_shown(monkeypatch):
    monkeypatch.setenv("DAVIT_REGISTRY_URL", "http://me:hunter2@mlflow:5000/@x")
    with pytest.raises(ValidationError, match="put them into DAVIT_REGISTRY_USERNAME") as raised:
        Settings()
    assert "hunter2" not in str(raised.value)
    monkeypatch.setenv("DAVIT_REGISTRY_URL", "http://mlflow:5000/@x")
    assert Settings().registry_url == "http://mlflow:5000/@x"


def test_a_log_line_is_one_json_object_with_its_traceback():
    try:
        1 / 0  # noqa: B018
    except ZeroDivisionError:
        record = logging.LogRecord("davit", logging.ERROR, "f", 1, "Looked at %s", ("x",), sys.exc_info())
    line = json.loads(JsonFormatter().format(record))
    assert line["message"] == "Looked at x"
    assert line["level"] == "error"
    assert "ZeroDivisionError" in line["traceback"]


def test_libraries_that_log_responses_stay_at_warning_at_level_debug():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        configure_logging("DEBUG", "json")
        assert not logging.getLogger("httpcore.http11").isEnabledFor(logging.DEBUG)
        assert not logging.getLogger("botocore.parsers").isEnabledFor(logging.INFO)
    finally:
        root.handlers[:], root.level = handlers, level
