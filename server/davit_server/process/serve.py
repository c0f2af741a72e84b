"""Start the server: as one process, or as the parent of several workers."""

import atexit
import logging

from davit_server.process.app import create_app
from davit_server.process.descendants import adopt_orphans, end_children, exit_within
from davit_server.process.forking import ForkGuard
from davit_server.process.serving import ServingProcess
from davit_server.process.supervisor import Supervisor
from davit_server.settings import Settings

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until a signal ends the process; return the exit code: 0 if the model was served.

    Args:
        settings: The server's settings.
    """
    forks = ForkGuard()
    forks.register()
    adopt_orphans()
    atexit.register(end_children)
    code = Supervisor(settings, forks).run() if settings.workers > 1 else _serve_alone(settings, forks)
    exit_within(code)
    return code


def _serve_alone(settings: Settings, forks: ForkGuard) -> int:
    process = ServingProcess(settings, forks)
    app = create_app(settings, runner=process.runner)
    logger.info("listening", extra={"fields": {"host": settings.host, "port": settings.port}})
    return process.run(app, settings.drain_seconds)
