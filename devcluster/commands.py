"""Runs other programs to their end."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from devcluster.errors import DevclusterError

MINUTE = 60.0


class CommandFailed(DevclusterError):
    """A program ended with an error.

    Attributes:
        output: Everything it wrote to standard error.
    """

    def __init__(self, arguments: Sequence[str], code: int, output: str) -> None:
        lines = [line for line in output.strip().splitlines() if line.strip()]
        reason = lines[-1].strip() if lines else "it said nothing"
        super().__init__(f"{_short(arguments)} ended with {code}: {reason}")
        self.output = output


def run(
    arguments: Sequence[str],
    *,
    text: str | None = None,
    environment: Mapping[str, str] | None = None,
    directory: str | None = None,
    timeout: float = MINUTE,
) -> str:
    """Run a program and return what it wrote to standard output.

    Args:
        arguments: The program and its arguments; no shell is involved.
        text: The program's standard input.
        environment: The complete environment; this process' own when absent.
        directory: Where it runs.
        timeout: Seconds after which it is ended.

    Raises:
        CommandFailed: It ended with an error.
        DevclusterError: It is not installed, or did not end in time.
    """
    try:
        done = subprocess.run(
            arguments,
            input=text if text is not None else "",
            env=environment,
            cwd=directory,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise DevclusterError(f"the program {arguments[0]!r} is not installed") from None
    except subprocess.TimeoutExpired:
        raise DevclusterError(f"{_short(arguments)} did not end within {timeout:.0f} s") from None
    if done.returncode != 0:
        raise CommandFailed(arguments, done.returncode, done.stderr or done.stdout)
    return done.stdout


def succeeds(arguments: Sequence[str], *, timeout: float = MINUTE) -> bool:
    """Return whether a program is installed and ends without an error."""
    try:
        run(arguments, timeout=timeout)
    except DevclusterError:
        return False
    return True


def _short(arguments: Sequence[str]) -> str:
    """Return the program and its first arguments, without options and paths, for messages."""
    words = [word for word in arguments[1:] if not word.startswith(("-", "/"))]
    return " ".join([Path(arguments[0]).name, *words[:3]])
