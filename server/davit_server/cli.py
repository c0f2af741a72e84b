"""The command `davit`: `davit serve`, `davit fetch` and `davit environment`."""

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import Any

USAGE_ERROR = 2


def main(argv: list[str] | None = None) -> int:
    """Run a subcommand and return the process's exit code."""
    options = _parser().parse_args(argv)
    if options.command == "fetch":
        # Imported late: `serve` needs no store client, `fetch` no web server.
        fetch: int = importlib.import_module("davit_server.artifacts.command").main()
        return fetch
    if options.command == "environment":
        check: int = importlib.import_module("davit_environment.check").main(options.arguments)
        return check
    return _serve(options)


def _parser() -> argparse.ArgumentParser:
    """Describe the command line; what is left out comes from the environment (DAVIT_…)."""
    parser = argparse.ArgumentParser(prog="davit", description="Serve MLflow models over HTTP.")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="answer predictions for one model")
    serve.add_argument(
        "uri", nargs="?", metavar="URI|PATH", help="models:/NAME@ALIAS, runs:/…, s3://…, or a folder"
    )
    serve.add_argument("--model", metavar="PATH", help="the model's folder (same as PATH)")
    serve.add_argument(
        "--host", help="address to listen on (default 127.0.0.1 with URI or PATH, else DAVIT_HOST)"
    )
    serve.add_argument("--port", "-p", type=int, help="port to listen on (default DAVIT_PORT or 8080)")
    serve.add_argument("--workers", "-w", type=int, help="processes that answer (default DAVIT_WORKERS or 1)")
    serve.add_argument(
        "--batching",
        choices=["auto", "enabled", "off"],
        help="share calls of the model between requests (auto: where rows are known to be independent)",
    )
    serve.add_argument(
        "--concurrency",
        type=int,
        help="calls of the model that may run at the same time (default: by flavor)",
    )
    serve.add_argument(
        "--startup-predictions",
        choices=["auto", "off"],
        help="off: the model is not called before its first request",
    )
    serve.add_argument(
        "--plan",
        choices=["auto", "pyfunc", "onnx"],
        help="how the model is called (default DAVIT_PLAN or auto)",
    )
    serve.add_argument(
        "--tolerance", type=float, help="largest relative difference of --plan onnx predictions from pyfunc's"
    )
    serve.add_argument("--access-log", action="store_true", default=None, help="one log line per request")
    commands.add_parser("fetch", help="download and verify a model; everything from the environment")
    environment = commands.add_parser("environment", help="compare a model's requirements with an image")
    environment.add_argument("action", choices=["check"])
    environment.add_argument(
        "arguments", nargs=argparse.REMAINDER, help="see: davit environment check --help"
    )
    return parser


def _serve(options: argparse.Namespace) -> int:
    """Find the model, then serve it until a signal arrives."""
    from pydantic import ValidationError  # noqa: PLC0415

    from davit_server.settings import Settings  # noqa: PLC0415

    given = {
        name: value
        for name in (
            "host",
            "port",
            "workers",
            "batching",
            "concurrency",
            "startup_predictions",
            "plan",
            "tolerance",
            "access_log",
        )
        if (value := getattr(options, name)) is not None
    }
    local = options.model or options.uri
    if local and sys.stderr.isatty():
        given.setdefault("log_format", "console")
    if local:
        given.setdefault("host", os.environ.get("DAVIT_HOST") or "127.0.0.1")
    try:
        settings = Settings(**(given | _find(options)))
    except ValidationError as failure:
        for error in failure.errors():
            field = "_".join(map(str, error["loc"]))
            problem = error["msg"].removeprefix("Value error, ")
            print(f"davit: DAVIT_{field.upper()}: {problem}", file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    except LookupError as failure:
        print(f"davit: {failure}", file=sys.stderr)  # noqa: T201
        return USAGE_ERROR
    return _run(settings)


def _find(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that name the model on the command line."""
    typed = options.model or options.uri
    if not typed:
        return {}
    if Path(typed).is_dir():
        return {"model_path": Path(typed)}
    if options.model or ":" not in typed:
        raise LookupError(
            f"{typed} is not a folder; give a model's folder or a reference such as models:/NAME@ALIAS"
        )
    return _fetch_to_laptop(typed)


def _fetch_to_laptop(uri: str) -> dict[str, Any]:
    """Resolve a reference and download its model into the user's cache."""
    local = importlib.import_module("davit_server.artifacts.local")
    found = local.resolve_and_fetch(uri)
    return {
        "model_path": found.path,
        "model_uri": uri,
        "model_name": found.source.name or uri.rstrip("/").rpartition("/")[2],
        "model_version": found.source.version,
        "model_run_id": found.source.run_id,
        "model_digest": found.digest,
    }


def _run(settings: Any) -> int:
    """Set up what must stand before any library is imported, then serve."""
    # The first process of a container ignores SIGTERM unless it says otherwise, and imports take a second.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    prepare_environment()
    from davit_server.process.serve import serve  # noqa: PLC0415
    from davit_server.telemetry.logging import configure_logging  # noqa: PLC0415

    constant = {
        "model": settings.model_name,
        "version": settings.model_version,
        "deployment": settings.deployment,
        "track": settings.track,
    }
    configure_logging(settings.log_level, settings.log_format, constant)
    return serve(settings)


def prepare_environment() -> None:
    """Point everything that libraries like to write at /tmp: a pod's root is read-only."""
    scratch = Path(os.environ.get("TMPDIR", "/tmp")) / "davit"  # noqa: S108  an emptyDir in a pod
    defaults = {
        "MPLCONFIGDIR": scratch / "matplotlib",
        "NUMBA_CACHE_DIR": scratch / "numba",
        "HF_HOME": scratch / "huggingface",
        "XDG_CACHE_HOME": scratch / "cache",
    }
    for name, path in defaults.items():
        os.environ.setdefault(name, str(path))
    home = os.environ.get("HOME", "")
    if not home or not os.access(home, os.W_OK):
        os.environ["HOME"] = str(scratch)
    # MLflow would log column names and values of requests, past our own handler.
    os.environ["MLFLOW_CONFIGURE_LOGGING"] = "false"
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    sys.dont_write_bytecode = sys.dont_write_bytecode or not os.access(sys.prefix, os.W_OK)


if __name__ == "__main__":
    sys.exit(main())
