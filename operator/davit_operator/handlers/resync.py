"""The resync task: one round per interval."""

import asyncio
import logging
from datetime import timedelta

from davit_operator.engine.rounds import Rounds

logger = logging.getLogger(__name__)


async def run_resync(rounds: Rounds, interval: timedelta) -> None:
    """Goes round until cancelled. A round that fails is logged, and the next one tries again."""
    while True:
        try:
            await rounds.run_once()
        except Exception:
            logger.exception("A resync round met a bug")
        await asyncio.sleep(interval.total_seconds())
