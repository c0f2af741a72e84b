"""What is typed, and what is said when it cannot be right."""

import os

import pytest
from davit_server import cli


def test_a_path_that_is_no_folder_is_reported(capsys):
    assert cli.main(["serve", "no-such-folder"]) == cli.USAGE_ERROR
    assert "no-such-folder is not a folder" in capsys.readouterr().err


def test_an_invalid_reference_is_reported(capsys):
    assert cli.main(["serve", "models:/"]) == cli.USAGE_ERROR
    assert "models:/" in capsys.readouterr().err


def test_a_wrong_number_names_its_setting(capsys, tmp_path):
    assert cli.main(["serve", str(tmp_path), "--workers", "0"]) == cli.USAGE_ERROR
    assert "DAVIT_WORKERS" in capsys.readouterr().err


def test_without_a_command_the_usage_is_shown(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err


def test_libraries_write_below_the_temporary_folder(monkeypatch, tmp_path):
    environment = {"TMPDIR": str(tmp_path), "HOME": "/nonexistent", "MLFLOW_CONFIGURE_LOGGING": "true"}
    monkeypatch.setattr(os, "environ", environment)
    cli.prepare_environment()
    assert environment["MPLCONFIGDIR"].startswith(str(tmp_path))
    assert environment["HOME"].startswith(str(tmp_path))
    assert environment["MLFLOW_CONFIGURE_LOGGING"] == "false"


def test_a_contradiction_between_settings_names_both(capsys, tmp_path):
    assert cli.main(["serve", str(tmp_path), "--tolerance", "0.001"]) == cli.USAGE_ERROR
    told = capsys.readouterr().err
    assert told.startswith("davit: DAVIT_TOLERANCE: a tolerance means something with DAVIT_PLAN=onnx only")
