"""What tests of Telegram share: an invented bot, and what its poller has of the daemon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.base import Account, Delivery, LaterError
from connectors.telegram.settings import TelegramSettings
from doubles.telegram import TelegramDouble

TOKEN = "700000001:invented-token-of-a-shop-bot_A1"
SECRET = "invented-webhook-secret_0001"
OLGA = 729004518
GROUP = -1002233445566
NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)
ACCOUNT = Account(name="shop-bot", channel="telegram", scope="shop-bot")


@dataclass
class Desk:
    """What a poller has of the daemon, with a store that can be down."""

    stored: list[Delivery] = field(default_factory=list)
    cursor: dict[str, Any] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    rounds: int = 0
    down: bool = False

    def now(self) -> datetime:
        return NOW

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        if self.down:
            raise LaterError("down")
        self.stored += deliveries

    async def load_cursor(self) -> Mapping[str, Any]:
        return self.cursor

    async def save_cursor(self, cursor: Mapping[str, Any]) -> None:
        self.cursor = dict(cursor)

    def well(self) -> None:
        self.rounds += 1

    def trouble(self, problem: str) -> None:
        self.troubles.append(problem)


def settings(telegram: TelegramDouble, **more: Any) -> TelegramSettings:
    given = {"token": TOKEN, "base_url": telegram.base_url, "timeout_seconds": 1, "poll_seconds": 1, **more}
    return TelegramSettings.model_validate(given)
