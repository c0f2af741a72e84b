"""Our webhook in MLflow: made at the start, repaired when it is missing or changed, removed at the end."""

import asyncio
import logging

from davit_registry.login import RegistryLogin

from davit_operator.domain.errors import DavitError
from davit_operator.domain.ports import Metrics, Webhooks
from davit_operator.domain.webhook import Subscription

logger = logging.getLogger(__name__)

_WITHDRAWAL_SECONDS = 3.0


class Subscriber:
    """Keeps one webhook as it should be. Without it aliases are followed by polling, only later.

    Args:
        webhooks: Those of our MLflow server.
        wanted: The webhook.
        login: That server, and our credentials for it.
        metrics: Records whether the webhook is there.
    """

    def __init__(
        self, webhooks: Webhooks, wanted: Subscription, login: RegistryLogin, metrics: Metrics
    ) -> None:
        self._webhooks = webhooks
        self._wanted = wanted
        self._login = login
        self._metrics = metrics
        self._shared = False
        self._said = ""

    async def look(self) -> bool:
        """Ensure that the webhook is there; return whether it is. A problem is logged once."""
        try:
            # MLflow never shows the secret, so after a start it is sent once whatever it has.
            changed = await self._webhooks.ensure(self._wanted, self._login, renew=not self._shared)
        except DavitError as error:
            if error.reason != self._said:
                logger.warning("MLflow does not notify us when aliases move, so we only poll: %s", error)
            self._said = error.reason
            self._metrics.webhook_registered(registered=False)
            return False
        if changed:
            logger.info("MLflow now notifies us at %s when aliases move", self._wanted.url)
        self._shared, self._said = True, ""
        self._metrics.webhook_registered(registered=True)
        return True

    async def withdraw(self) -> None:
        """Remove the webhook, so that MLflow stops calling it. A failure is harmless."""
        try:
            async with asyncio.timeout(_WITHDRAWAL_SECONDS):
                await self._webhooks.remove(self._wanted.name, self._login)
        except (DavitError, TimeoutError) as error:
            logger.info("The webhook %s stays in MLflow: %s", self._wanted.name, error or "no answer in time")
