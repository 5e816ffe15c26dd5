"""Makes the connectors of the configured accounts, and of mail what every message of it passes."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog

from connectors.base import Closing, Connector, Delivery, Normalized
from daemon.channels import channels
from daemon.errors import UserError
from daemon.settings import Settings
from schemas.message import InboundMessage

MAIL: Final = "mail"
INLINE_BYTES: Final = 64 * 1024
"""A larger delivery is normalized in a thread, so that the event loop keeps its turns."""

_log = structlog.get_logger(__name__)


def connect_accounts(settings: Settings) -> dict[str, Connector]:
    """Make the connector of every account but those of mail, which share a listener. Raises `UserError`."""
    found = {}
    for name, values in settings.accounts.items():
        account = settings.account(name)
        if account.channel == MAIL:
            continue
        try:
            found[name] = channels()[account.channel].connect(account=account, settings=values)
        except ValueError as error:
            raise UserError(f"accounts.{name}: {error}") from error
    return found


async def close_all(connectors: Mapping[str, Connector]) -> None:
    """Let every connection of theirs go; one that fails to leaves the others alone."""
    for name, connector in connectors.items():
        if isinstance(connector, Closing):
            try:
                await connector.close()
            except Exception as error:  # noqa: BLE001 - we are leaving, and the next one must be closed, too
                _log.warning("connector not closed", account=name, error=type(error).__name__)


class Readers:
    """Normalizes every account's deliveries: mail by its own normalizer, the rest by their connectors."""

    def __init__(
        self,
        *,
        connectors: Mapping[str, Connector],
        mail: Callable[[Delivery], Awaitable[Normalized]],
        mail_undecodable: Callable[[Delivery, str], InboundMessage],
    ) -> None:
        self._connectors = connectors
        self._mail = mail
        self._mail_undecodable = mail_undecodable

    async def normalize(self, delivery: Delivery) -> Normalized:
        """Normalize; see `connectors.base.Connector`."""
        connector = self._connectors.get(delivery.account.name)
        if connector is None:
            return await self._mail(delivery)
        if len(delivery.raw) > INLINE_BYTES:
            return await asyncio.to_thread(connector.normalize, delivery)
        return connector.normalize(delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record of what cannot be read."""
        connector = self._connectors.get(delivery.account.name)
        if connector is None:
            return self._mail_undecodable(delivery, reason)
        return connector.undecodable(delivery, reason)


def asks_about(delivery: Delivery) -> bool:
    """Say whether a sender is assessed: those of mail are; other platforms have proved theirs in `normalize`."""
    return delivery.account.channel == MAIL
