"""`davit fetch`: the environment in, an exit code and, on failure, the termination message out."""

import asyncio
import logging
import os
import signal
import sys
from dataclasses import asdict

from davit_registry.errors import ExplainedError

from davit_server.artifacts.fetch import fetch_model
from davit_server.artifacts.settings import FetchSettings, UnusableEnvironment
from davit_server.artifacts.verify import STAGE
from davit_server.errors import ModelRejected
from davit_server.telemetry.logging import configure_logging
from davit_server.termination import TerminationLog

logger = logging.getLogger(__name__)

USAGE_ERROR = 2


def main() -> int:
    """Fetch what the environment names.

    Returns:
        0 when the model is there, 1 when it is not, 2 when the environment is incomplete.
    """
    try:
        settings = FetchSettings.from_environment(os.environ)
    except UnusableEnvironment as error:
        sys.stderr.write(f"davit fetch: {error}\n")
        return USAGE_ERROR
    configure_logging(settings.log_level, settings.log_format, {"location": settings.fetch_location})
    # The first process of a container ignores SIGTERM unless it says otherwise. Nothing needs tidying up:
    # a restart goes on from whatever is on the disk.
    signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    try:
        report = asyncio.run(fetch_model(settings))
    except ModelRejected as rejection:
        return _fail(settings, rejection)
    except ExplainedError as error:
        return _fail(settings, ModelRejected(STAGE, error.reason, error.cause, error.cure, error.failure))
    except Exception as error:  # a bug of ours must not end without a word
        logger.critical("unexpected failure", exc_info=error)
        cause = f"fetch met a bug of its own ({type(error).__name__})"
        return _fail(
            settings, ModelRejected(STAGE, "FetchFailed", cause, "read the log of the container fetch")
        )
    logger.info("model fetched and verified", extra={"fields": asdict(report)})
    return 0


def _fail(settings: FetchSettings, rejection: ModelRejected) -> int:
    logger.error("model not fetched", extra={"fields": rejection.as_dict()})
    TerminationLog(settings.termination_log).write(rejection)
    return 1
