"""Files are found by their id; a place that is none, or what is too large, is refused."""

import httpx
import pytest
from telegram_lab import TOKEN

from connectors.sending import SendFailedError, SendLaterError
from connectors.telegram.channel import TelegramPoll
from doubles.telegram import TelegramDouble


async def test_a_file_is_found_where_telegram_says(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    file_id = telegram.world.upload(b"the bytes of a photo")
    place = await bot.locate(b"{}", file_id)
    assert place.base_url == telegram.base_url
    assert TOKEN not in repr(place)
    async with httpx.AsyncClient() as client:
        assert (await client.get(place.url)).content == b"the bytes of a photo"


async def test_what_is_too_large_or_unknown_is_never_to_be_had(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    large = telegram.world.upload(b"", size=21 << 20)
    for file_id in (large, "invented"):
        with pytest.raises(SendFailedError):
            await bot.locate(b"{}", file_id)


@pytest.mark.parametrize("path", ["../../etc/passwd", "/var/lib/x", "a?b", "a#b", "a//b", "http://example.org/x"])
async def test_a_place_that_is_no_place_is_refused(telegram: TelegramDouble, bot: TelegramPoll, path: str) -> None:
    file_id = telegram.world.upload(b"x")
    telegram.world.files[file_id].path = path
    with pytest.raises(SendFailedError):
        await bot.locate(b"{}", file_id)


async def test_an_outage_is_waited_for(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    telegram.outage = True
    with pytest.raises(SendLaterError):
        await bot.locate(b"{}", "any")
