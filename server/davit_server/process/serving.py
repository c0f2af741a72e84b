"""One serving process: HTTP in a thread of its own, the main thread free for loading the model."""

import logging
import threading
from collections.abc import Sequence
from socket import socket

from davit_server.process.app import ModelServer
from davit_server.process.descendants import exit_now
from davit_server.process.forking import ForkGuard
from davit_server.process.listener import DrainingServer, server_config
from davit_server.process.runners import MainThread
from davit_server.process.signals import EndSignals
from davit_server.settings import Settings

logger = logging.getLogger(__name__)

EXIT_REJECTED = 1


class ServingProcess:
    """Answer from the first moment, also while the model blocks the main thread.

    Created before the application, which loads its model with `runner`.

    Args:
        settings: The server's settings.
        forks: Keeps our sockets out of processes that the model forks.
    """

    def __init__(self, settings: Settings, forks: ForkGuard) -> None:
        self._settings = settings
        self._forks = forks
        self._signals = EndSignals()
        self._main = MainThread(after_each=self._signals.reinstall)
        self.runner = self._main.run
        """Runs a job in the main thread."""
        self._code = 0

    def run(self, app: ModelServer, drain_seconds: float, sockets: Sequence[socket] | None = None) -> int:
        """Serve until a signal ends the process; return the exit code. Called by the main thread.

        While the main thread still loads the model, the whole process ends at once instead.

        Args:
            app: The application.
            drain_seconds: How long requests are still answered after SIGTERM.
            sockets: Where to listen, if not on the host and port of the settings.
        """
        config = server_config(app, self._settings)
        server = DrainingServer(config, app, drain_seconds, self._signals, self._forks)
        app.lifecycle.on_failure = server.stop
        self._signals.install()
        self._forks.keep_private(self._signals.descriptors)
        arguments = (app, server, list(sockets) if sockets else None)
        http = threading.Thread(target=self._answer, args=arguments, name="http", daemon=True)
        http.start()
        self._main.work()
        http.join()
        return self._code

    def _answer(self, app: ModelServer, server: DrainingServer, sockets: list[socket] | None) -> None:
        """Run the HTTP server: all that the HTTP thread does."""
        try:
            server.run(sockets)
        except SystemExit as ended:  # uvicorn has logged why it cannot listen
            app.lifecycle.cannot_listen(self._settings.port)
            self._code = ended.code if isinstance(ended.code, int) else EXIT_REJECTED
        except BaseException:
            logger.exception("the HTTP server failed")
            app.lifecycle.cannot_listen(self._settings.port)
            self._code = EXIT_REJECTED
        else:
            self._code = EXIT_REJECTED if app.state.failure is not None else 0
        if self._main.close():
            # The main thread cannot be interrupted cleanly: it may be in the middle of an import.
            exit_now(self._code or app.lifecycle.end_unfinished())
