"""A bot, and Telegram on loopback."""

from collections.abc import AsyncIterator, Iterator

import pytest
from telegram_lab import ACCOUNT, GROUP, OLGA, SECRET, TOKEN, Desk, settings

from connectors.telegram.channel import TelegramPoll, TelegramPush
from doubles.telegram import TelegramDouble, telegram_double


@pytest.fixture
def telegram() -> Iterator[TelegramDouble]:
    with telegram_double(TOKEN) as found:
        found.world.person(OLGA, "Ольга")
        found.world.group(GROUP, "Example Shop, wholesale")
        yield found


@pytest.fixture
async def bot(telegram: TelegramDouble) -> AsyncIterator[TelegramPoll]:
    made = TelegramPoll(account=ACCOUNT, settings=settings(telegram))
    yield made
    await made.close()


@pytest.fixture
async def called(telegram: TelegramDouble) -> AsyncIterator[TelegramPush]:
    made = TelegramPush(account=ACCOUNT, settings=settings(telegram, intake="webhook", webhook_secret=SECRET))
    yield made
    await made.close()


@pytest.fixture
def desk() -> Desk:
    return Desk()
