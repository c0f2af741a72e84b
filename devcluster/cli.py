"""The command line: parses, calls, reports."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from devcluster.binaries.build import ensure_binary
from devcluster.choice import NAMES, build_provider, choose_provider
from devcluster.errors import DevclusterError
from devcluster.provider import Provider

_DEFAULT_NAME = "davit"


def main(arguments: list[str]) -> int:
    """Run one command and return the exit code."""
    try:
        return _dispatch(parse(arguments))
    except DevclusterError as error:
        print(f"devcluster: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("devcluster: interrupted; the same command again continues", file=sys.stderr)
    return 1


def build_parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m devcluster", description="A development cluster in one command."
    )
    parser.add_argument("--name", default=_DEFAULT_NAME, help="the cluster's name (default: %(default)s)")
    parser.add_argument(
        "--provider", choices=["auto", *NAMES], default="auto", help="default: whatever runs here"
    )
    parser.add_argument(
        "--context",
        default=os.environ.get("DAVIT_CONTEXT"),
        help="confirms the existing cluster by the name of its context (or environment DAVIT_CONTEXT)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="make the cluster, or repair it")
    load = commands.add_parser("load", help="bring images from this machine into the cluster")
    load.add_argument("images", nargs="+", metavar="IMAGE", help="a name, or the path of an image archive")
    commands.add_parser("status", help="what runs and what does not")
    commands.add_parser("kubeconfig", help="print the path of a kubeconfig for the cluster")
    commands.add_parser("down", help="remove the cluster without a trace")
    tool = commands.add_parser(
        "tool", help="print the path of a program (helm, kubectl, ...), building it once"
    )
    tool.add_argument("program")
    commands.add_parser(
        "images", help="build Davit's images (options of its own: images --help)", add_help=False
    )
    return parser


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse a command line; what follows `images` is left to it, in `rest`."""
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.command != "images":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    return options


def _dispatch(options: argparse.Namespace) -> int:
    if options.command == "tool":
        print(ensure_binary(options.program))
        return 0
    if options.command == "images":
        return _build_images(options.rest)
    chosen = choose_provider(options.provider, options.context)
    provider = build_provider(chosen, options.name, options.context)
    return _call(provider, options)


def _call(provider: Provider, options: argparse.Namespace) -> int:
    if options.command == "status":
        return _print_status(provider)
    if options.command == "kubeconfig":
        path = provider.kubeconfig()
        print(path)
        print(f"to use it: export KUBECONFIG={path}", file=sys.stderr)
    elif options.command == "load":
        provider.load(options.images)
    elif options.command == "up":
        provider.up()
    else:
        provider.down()
    return 0


def _print_status(provider: Provider) -> int:
    findings = provider.status()
    for finding in findings:
        print(f"{'ok ' if finding.well else 'BAD'} {finding.text}")
    return 0 if all(finding.well for finding in findings) else 1


def _build_images(arguments: list[str]) -> int:
    """Image building is loaded only when asked for: a cluster needs none of it."""
    run = importlib.import_module("devcluster.images.command").run
    return int(run(arguments))
