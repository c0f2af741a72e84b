"""The command line: parses, calls, reports."""

from __future__ import annotations

import argparse
import sys

from devcluster.errors import DevclusterError
from devcluster.tool import print_path


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    try:
        return _dispatch(arguments)
    except DevclusterError as error:
        print(f"devcluster: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("devcluster: interrupted; the same command again continues", file=sys.stderr)
    return 1


def _dispatch(arguments: list[str]) -> int:
    options = build_parser().parse_args(arguments)
    return print_path(options.program)


def build_parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    parser = argparse.ArgumentParser(prog="python -m devcluster")
    commands = parser.add_subparsers(dest="command", required=True)
    tool = commands.add_parser("tool", help="print the path of a program, building it when needed")
    tool.add_argument("program")
    return parser
