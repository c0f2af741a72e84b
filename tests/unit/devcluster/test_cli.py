import sys

import pytest

from devcluster import cli
from devcluster.commands import CommandFailed, run, succeeds
from devcluster.errors import DevclusterError


@pytest.mark.parametrize("command", ["up", "status", "kubeconfig", "down"])
def test_options_stand_before_the_command(command):
    options = cli.parse(["--name", "demo", "--provider", "node", command])
    assert (options.name, options.provider, options.command) == ("demo", "node", command)


def test_load_takes_several_images():
    assert cli.parse(["load", "a:1", "b:2"]).images == ["a:1", "b:2"]


def test_images_passes_its_arguments_on():
    options = cli.parse(["--name", "demo", "images", "--engine", "buildah", "server"])
    assert options.name == "demo"
    assert options.rest == ["--engine", "buildah", "server"]


def test_other_commands_reject_unknown_arguments(capsys):
    with pytest.raises(SystemExit):
        cli.parse(["up", "--nodes", "3"])
    assert "unrecognized arguments: --nodes 3" in capsys.readouterr().err


def test_a_failure_is_one_line_and_an_exit_code(capsys):
    assert cli.main(["tool", "helmet"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("devcluster: there is no program 'helmet'")
    assert said.count("\n") == 1


def test_a_name_that_cannot_be_used_is_refused_before_anything_happens(capsys):
    assert cli.main(["--provider", "node", "--name", "../etc", "down"]) == 1
    assert "cannot name a cluster" in capsys.readouterr().err


def test_a_failed_program_is_reported_by_its_last_line():
    with pytest.raises(CommandFailed, match="ended with 3: the reason") as caught:
        run([sys.executable, "-c", "import sys; print('noise\\nthe reason', file=sys.stderr); sys.exit(3)"])
    assert "noise" in caught.value.output


def test_a_missing_program_is_named():
    with pytest.raises(DevclusterError, match="'no-such-program' is not installed"):
        run(["no-such-program"])


def test_a_program_that_hangs_is_ended():
    with pytest.raises(DevclusterError, match=r"did not end within 0 s"):
        run([sys.executable, "-c", "import threading; threading.Event().wait()"], timeout=0.2)


def test_succeeds_is_true_only_for_a_program_that_exits_with_0():
    assert succeeds([sys.executable, "-c", ""])
    assert not succeeds(["no-such-program"])
