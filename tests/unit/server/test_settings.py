"""Settings come from the environment, and the README tells all of them."""

import re
from pathlib import Path

import pytest
from davit_server.settings import Settings
from pydantic import ValidationError

README = Path(__file__).parents[3] / "server" / "README.md"


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("DAVIT_MAX_QUEUE", "")
    monkeypatch.setenv("DAVIT_PORT", "9000")
    settings = Settings()
    assert (settings.max_queue, settings.port) == (256, 9000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DAVIT_MAX_QUEUE", "0"),
        ("DAVIT_LOG_LEVEL", "loud"),
        ("DAVIT_WORKERS", "x"),
        ("DAVIT_PLAN", "native"),
    ],
)
def test_an_invalid_value_is_rejected(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize("value", ["0", "-1e-5", "nan", "inf", "0.5"])
def test_an_invalid_tolerance_is_rejected(monkeypatch, value):
    monkeypatch.setenv("DAVIT_PLAN", "onnx")
    monkeypatch.setenv("DAVIT_TOLERANCE", value)
    with pytest.raises(ValidationError):
        Settings()


def test_a_tolerance_without_plan_onnx_is_rejected(monkeypatch):
    monkeypatch.setenv("DAVIT_TOLERANCE", "1e-3")
    with pytest.raises(ValidationError, match="with DAVIT_PLAN=onnx only, not with auto"):
        Settings()
    monkeypatch.setenv("DAVIT_PLAN", "onnx")
    assert Settings().tolerance == 1e-3


def test_log_levels_are_case_insensitive(monkeypatch):
    monkeypatch.setenv("DAVIT_LOG_LEVEL", "debug")
    assert Settings().log_level == "DEBUG"


def test_the_readme_lists_every_setting_with_its_default():
    text = README.read_text(encoding="utf-8")
    for line in [line for line in text.splitlines() if line.startswith("| `DAVIT_MODEL_URI`")]:
        text += " ".join(f"`DAVIT_MODEL{suffix}`" for suffix in re.findall(r"`(_[A-Z_]+)`", line))
    missing = [name for name in Settings.model_fields if f"`DAVIT_{name.upper()}`" not in text]
    assert missing == []


@pytest.mark.parametrize(
    "name",
    [
        "request_timeout_seconds",
        "max_body_bytes",
        "max_queue",
        "drain_seconds",
        "max_rows",
        "max_json_depth",
        "workers",
        "tolerance",
    ],
)
def test_defaults_in_the_readme_are_those_of_the_code(name):
    row = next(
        line for line in README.read_text().splitlines() if line.startswith(f"| `DAVIT_{name.upper()}`")
    )
    assert row.split("|")[3].strip() == f"{Settings.model_fields[name].default:g}".replace(
        "1.67772e+07", "16777216"
    )
