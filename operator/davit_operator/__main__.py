"""`python -m davit_operator`: run the operator in its cluster, or against the current kubeconfig."""

import asyncio
import os

from davit_operator.app import create_app
from davit_operator.handlers.operation import operate
from davit_operator.logs import configure_logging
from davit_operator.settings import Settings


async def main(settings: Settings) -> None:
    """Run the operator until a signal arrives."""
    await operate(await create_app(settings, os.environ))


if __name__ == "__main__":
    settings = Settings()
    configure_logging(settings.log_level, settings.log_format)
    asyncio.run(main(settings))
