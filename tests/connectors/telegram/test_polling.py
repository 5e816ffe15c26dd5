"""Updates are confirmed after they are stored, one bad update blocks no other, and trouble is told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from telegram_lab import ACCOUNT, OLGA, Desk, settings

from connectors.telegram.calls import BotApi
from connectors.telegram.channel import TelegramPoll
from connectors.telegram.poller import Poller
from doubles.telegram import TelegramDouble


@asynccontextmanager
async def polling(telegram: TelegramDouble, desk: Desk, *, margin: float = 5) -> AsyncIterator[None]:
    api = BotApi(settings(telegram))
    task = asyncio.create_task(Poller(account=ACCOUNT, api=api, wait=1, first_pause=0.05, margin=margin).run(desk))
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await api.close()


async def until(true: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - the other side is a thread
            await asyncio.sleep(0.01)


def texts(desk: Desk) -> list[str]:
    return [json.loads(found.raw)["message"]["text"] for found in desk.stored]


async def test_what_was_written_is_stored_then_confirmed(telegram: TelegramDouble, desk: Desk) -> None:
    for text in ("one", "two"):
        telegram.world.write(OLGA, text=text)
    async with polling(telegram, desk):
        await until(lambda: not telegram.world.queue)
    assert texts(desk) == ["one", "two"]
    assert desk.cursor == {"offset": 550918802}
    assert {found.intake for found in desk.stored} == {"poll"}


async def test_what_cannot_be_stored_waits_at_telegram_and_is_told(telegram: TelegramDouble, desk: Desk) -> None:
    desk.down = True
    telegram.world.write(OLGA, text="wait")
    async with polling(telegram, desk):
        await until(lambda: len(desk.troubles) > 1)
        assert len(telegram.world.queue) == 1
        assert desk.cursor == {}
        desk.down = False
        await until(lambda: not telegram.world.queue)
    assert texts(desk) == ["wait"]
    assert "cannot be stored" in desk.troubles[0]


async def test_updates_of_any_shape_pass_and_block_no_other(telegram: TelegramDouble, desk: Desk) -> None:
    telegram.world.push_raw(lambda number: {"update_id": number, "message": {"date": "never", "chat": []}})
    telegram.world.push_raw(lambda _: "no object")
    telegram.world.push_raw(lambda number: {"update_id": number, "text": "\ud800"})
    telegram.world.write(OLGA, text="after")
    async with polling(telegram, desk):
        await until(lambda: not telegram.world.queue)
    assert len(desk.stored) == 4
    assert json.loads(desk.stored[-1].raw)["message"]["text"] == "after"


async def test_an_answer_that_is_no_json_is_got_past_and_kept(telegram: TelegramDouble, desk: Desk) -> None:
    broken = b'{"ok":true,"result":[{"update_id": 550918800, "message": {"text": oops}}]}'
    telegram.garbled += [broken, broken]
    telegram.world.write(OLGA, text="unreadable")
    telegram.world.write(OLGA, text="after")
    async with polling(telegram, desk):
        await until(lambda: not telegram.world.queue)
    assert desk.stored[0].raw == broken
    assert json.loads(desk.stored[-1].raw)["message"]["text"] == "after"
    assert [poll["limit"] for poll in telegram.polls[:3]] == ["100", "1", "1"]


async def test_a_webhook_that_is_set_is_told(telegram: TelegramDouble, desk: Desk) -> None:
    telegram.webhook = "http://127.0.0.1:9/nobody"
    async with polling(telegram, desk):
        await until(lambda: bool(desk.troubles))
        assert "deleteWebhook" in desk.troubles[0]
        telegram.webhook = ""
        await until(lambda: desk.rounds > 0)


async def test_a_second_poller_is_told_to_both(telegram: TelegramDouble, desk: Desk) -> None:
    other = Desk()
    async with polling(telegram, desk), polling(telegram, other):
        await until(lambda: bool(desk.troubles) and bool(other.troubles))
    assert "another program polls" in desk.troubles[0]


async def test_an_outage_and_a_flood_are_waited_for(telegram: TelegramDouble, desk: Desk) -> None:
    telegram.outage = True
    telegram.floods.append(1)
    telegram.world.write(OLGA, text="later")
    async with polling(telegram, desk):
        await until(lambda: bool(desk.troubles))
        telegram.outage = False
        await until(lambda: bool(desk.stored))
    assert "cannot be reached" in desk.troubles[0]
    assert any("asks to wait" in trouble for trouble in desk.troubles)


async def test_a_wrong_token_is_told_and_not_shown(telegram: TelegramDouble, desk: Desk) -> None:
    telegram.token = "1:another"
    async with polling(telegram, desk):
        await until(lambda: bool(desk.troubles))
    assert "BotFather" in desk.troubles[0]
    assert "invented-token" not in "".join(desk.troubles)


async def test_ids_that_start_anew_are_followed(telegram: TelegramDouble, desk: Desk) -> None:
    desk.cursor = {"offset": 999_999_999}
    telegram.world.write(OLGA, text="after a quiet week")
    async with polling(telegram, desk):
        await until(lambda: not telegram.world.queue)
    assert texts(desk) == ["after a quiet week"]
    assert desk.cursor == {"offset": 550918801}


async def test_every_kind_of_update_is_asked_for(telegram: TelegramDouble, desk: Desk, bot: TelegramPoll) -> None:
    task = asyncio.create_task(bot.poll(desk))
    await until(lambda: bool(telegram.polls))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wanted = set(json.loads(telegram.polls[0]["allowed_updates"]))
    assert {"message", "my_chat_member", "chat_member", "message_reaction", "business_message"} <= wanted


async def test_an_answer_that_does_not_end_is_given_up_and_told(telegram: TelegramDouble, desk: Desk) -> None:
    async with polling(telegram, desk, margin=-0.9):
        await until(lambda: bool(desk.troubles))
    assert "did not end its answer in time" in desk.troubles[0]
