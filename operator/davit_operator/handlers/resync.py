"""The resync task: one resync per interval."""

import asyncio
import logging
from datetime import timedelta

from davit_operator.engine.rounds import Rounds

logger = logging.getLogger(__name__)


async def run_resync(rounds: Rounds, interval: timedelta) -> None:
    """Resync once per interval until cancelled; a failed resync is logged and the next one retries."""
    while True:
        try:
            await rounds.run_once()
        except Exception:
            logger.exception("Unexpected error in a resync")
        await asyncio.sleep(interval.total_seconds())
