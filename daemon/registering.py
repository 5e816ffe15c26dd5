"""Tells platforms where to call us, at every start, until each has said yes."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from connectors.base import LaterError, RefusedError, Registers
from connectors.intake import trace
from daemon.account_intake import AccountIntake

FIRST_PAUSE: Final = 2.0
LONGEST_PAUSE: Final = 300.0

_log = structlog.get_logger(__name__)


async def register_all(
    connectors: Mapping[str, Registers], intakes: Mapping[str, AccountIntake], public_url: str
) -> None:
    """Register every account beside the others; ends when all have succeeded. Nothing without a public URL."""
    if public_url:
        await asyncio.gather(*(_register(found, intakes[name], public_url) for name, found in connectors.items()))


async def _register(connector: Registers, intake: AccountIntake, public_url: str) -> None:
    account = connector.account
    url = f"{public_url.rstrip('/')}/in/{account.channel}/{account.name}"
    pause = FIRST_PAUSE
    while True:
        try:
            await connector.register(url)
        except (LaterError, RefusedError) as error:
            intake.states.trouble(account, f"not registered: {error}")
        except Exception as error:  # noqa: BLE001 - our fault on one account is no other's
            _log.error("not registered", account=account.name, error=type(error).__name__, trace=trace(error))
            intake.states.trouble(account, f"not registered: {type(error).__name__}")
        else:
            intake.states.serve(account, "listening")
            _log.info("registered", account=account.name)
            return
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
