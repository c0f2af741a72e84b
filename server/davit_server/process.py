"""The serving process: alone, or at the head of several workers."""

import logging
import os

from davit_server.app import create_app
from davit_server.listener import DrainingServer, server_config
from davit_server.settings import Settings
from davit_server.supervisor import Supervisor
from davit_server.termination import TerminationLog

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Serve until told to stop; the exit code says whether the model was served.

    Args:
        settings: All of them.
    """
    if settings.workers > 1:
        return Supervisor(settings).run()
    app = create_app(settings)
    server = DrainingServer(server_config(app, settings), app, settings.drain_seconds)
    app.lifecycle.on_failure = server.stop
    logger.info("listening", extra={"fields": {"host": settings.host, "port": settings.port}})
    server.run()
    code = 1 if app.state.failure is not None else 0
    if app.lifecycle.loading:
        TerminationLog(settings.termination_log).clear()  # we were told to end: nothing went wrong
        # A half-imported library in another thread cannot be ended in an orderly way.
        logging.shutdown()
        os._exit(code)
    return code
