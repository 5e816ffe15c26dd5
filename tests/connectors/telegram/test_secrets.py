"""The token shows nowhere: not in logs at any level, errors and what caused them, reprs, settings' mistakes."""

import inspect
import logging
import traceback

import pytest
from pydantic import ValidationError
from telegram import Bot
from telegram_lab import OLGA, SECRET, TOKEN

from connectors.sending import ChatLetter, SendError
from connectors.telegram.channel import TelegramPoll, TelegramPush
from connectors.telegram.settings import TelegramSettings
from doubles.telegram import TelegramDouble

TAIL = TOKEN.partition(":")[2]


def everything(error: BaseException) -> str:
    """What any formatter could print of an error: it, its causes and contexts, their attributes."""
    seen: list[str] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is not None:
            seen += [str(found), repr(found), repr(vars(found)), *traceback.format_exception(found)]
            seen += [repr(getattr(found, "request", None)), str(getattr(getattr(found, "_request", None), "url", ""))]
            waiting += [found.__cause__, found.__context__]
    return "".join(seen)


@pytest.mark.parametrize("fault", ["none", "outage", "swallow", "gone", "flood", "refused", "garbled"])
async def test_no_log_line_and_no_error_holds_the_token(
    telegram: TelegramDouble, bot: TelegramPoll, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    telegram.outage, telegram.swallow = fault == "outage", int(fault == "swallow")
    telegram.floods += [3] if fault == "flood" else []
    telegram.refusals += [(400, f"Bad Request: {'x' * 500}", None)] if fault == "refused" else []
    if fault == "gone":
        telegram.stop()
    said = ""
    [part] = bot.split(ChatLetter(number=1, to=str(OLGA), text="Добрый день"))
    try:
        await bot.send(part, content=None, link="")
    except SendError as error:
        said = everything(error)
    assert TAIL not in said
    ours = [record for record in caplog.records if not record.name.startswith("uvicorn")]  # the double's own
    lines = [(record.name, record.getMessage()) for record in ours]
    assert [line for line in lines if TAIL in str(line)] == []
    assert TAIL not in repr(bot) + str(vars(bot))


async def test_a_located_file_shows_no_token(telegram: TelegramDouble, bot: TelegramPoll) -> None:
    place = await bot.locate(b"{}", telegram.world.upload(b"x"))
    assert TAIL in place.url
    assert TAIL not in repr(place)


@pytest.mark.parametrize(
    "given",
    [
        {"token": f"{TOKEN}!"},
        {"token": TOKEN, "intake": "webhook"},
        {"token": TOKEN, "intake": "webhook", "webhook_secret": "short!"},
        {"token": TOKEN, "base_url": "http://example.org"},
        {"token": TOKEN, "base_url": "https://user:pass@example.org"},
        {"token": TOKEN, "unknown": 1},
    ],
)
def test_a_mistake_in_the_settings_is_told_without_the_token(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        TelegramSettings.model_validate(given)
    assert TAIL not in str(caught.value)
    assert "short!" not in str(caught.value)
    assert TAIL not in repr(TelegramSettings.model_validate({"token": TOKEN}))


async def test_the_webhook_is_set_with_our_secret(telegram: TelegramDouble, called: TelegramPush) -> None:
    await called.register(f"{telegram.base_url}/in/telegram/shop-bot")
    assert telegram.secret == SECRET
    assert telegram.webhook.endswith("/in/telegram/shop-bot")


def test_the_one_private_call_of_the_library_is_as_it_was() -> None:
    parameters = list(inspect.signature(Bot._post).parameters)
    assert parameters[:4] == ["self", "endpoint", "data", "read_timeout"]
