"""The command line: parses arguments, calls a provider, reports results."""

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
        print("devcluster: interrupted; run the same command again to continue", file=sys.stderr)
    return 1


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m devcluster", description="A development cluster in one command."
    )
    parser.add_argument("--name", default=_DEFAULT_NAME, help="the cluster's name (default: %(default)s)")
    parser.add_argument(
        "--provider", choices=["auto", *NAMES], default="auto", help="default: one that runs on this machine"
    )
    parser.add_argument(
        "--context",
        default=os.environ.get("DAVIT_CONTEXT"),
        help="confirms the existing cluster by the name of its context (or environment DAVIT_CONTEXT)",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("up", help="create the cluster, or repair it")
    load = commands.add_parser("load", help="load images from this machine into the cluster")
    load.add_argument("images", nargs="+", metavar="IMAGE", help="a name, or the path of an image archive")
    commands.add_parser("status", help="show what runs and what does not")
    commands.add_parser("kubeconfig", help="print the path of a kubeconfig for the cluster")
    commands.add_parser("down", help="remove the cluster and everything it left on this machine")
    tool = commands.add_parser(
        "tool", help="print the path of a program (helm, kubectl, ...), building it once"
    )
    tool.add_argument("program")
    commands.add_parser(
        "images", help="build Davit's images (options of its own: images --help)", add_help=False
    )
    return parser


def parse(arguments: list[str]) -> argparse.Namespace:
    """Parse a command line; arguments after `images` are left in `rest`."""
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
    """Build images; the modules are loaded only here, since a cluster needs none of them."""
    run = importlib.import_module("devcluster.images.command").run
    return int(run(arguments))
