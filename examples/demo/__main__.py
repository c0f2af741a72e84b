"""`python -m examples.demo up|down`: what `make demo` and `make demo-down` run."""

import argparse
import sys

from devcluster.errors import DevclusterError
from examples.demo.cluster import Cluster
from examples.demo.output import StepPrinter
from examples.demo.story import run_demo
from examples.demo.waiting import TookTooLong


def main() -> int:
    """Run the demo or remove everything that it created. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument("command", choices=["up", "down"])
    parser.add_argument("--cluster", default="davit", help="name of the development cluster")
    parser.add_argument("--provider", default="auto", help="auto, kind, node or existing")
    options = parser.parse_args()
    cluster = Cluster(options.cluster, options.provider)
    try:
        if options.command == "up":
            run_demo(cluster, StepPrinter())
        else:
            cluster.down()
    except (DevclusterError, TookTooLong) as problem:
        print(f"\ndemo: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\ndemo: interrupted; `make demo` again continues, `make demo-down` removes all", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
