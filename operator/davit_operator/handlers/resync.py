"""The resync task: one round per interval, or as soon as something wakes it."""

import asyncio
import logging
from datetime import timedelta

from davit_operator.reconcile.resync import Resync

logger = logging.getLogger(__name__)


async def run_resync(resync: Resync, interval: timedelta, wake: asyncio.Event) -> None:
    """Goes round until cancelled. A round that fails is logged, and the next one tries again."""
    while True:
        wake.clear()
        try:
            await resync.run_once()
        except Exception:
            logger.exception("A resync round met a bug")
        try:
            async with asyncio.timeout(interval.total_seconds()):
                await wake.wait()
        except TimeoutError:
            continue
