"""Answers into conversations on a real store and a real small platform: in order, once, with states that are true."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from answering_lab import answers
from chat_lab import chat, open_booth
from chat_platform import ChatPlatform, chat_platform

from router.recipients import NotSaidError
from schemas.message import Text


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


async def test_a_reply_goes_into_the_conversation_and_its_state_is_told(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = await booth.say(await booth.opened(), "Try again")
        await booth.drain()
        assert [(got.to, got.text) for got in platform.got] == [("ana", "Try again")]
        assert await booth.state(message) == "sent"
        assert await booth.lab.events() == [
            "ticket.created", "ticket.message_added", "ticket.delivery_changed"
        ]  # fmt: skip


async def test_the_platforms_id_of_every_piece_leads_to_the_message(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = await booth.say(await booth.opened(), "long " * 50)
        await booth.drain()
        assert platform.texts("ana") == ["long " * 20, "long " * 20, "long " * 10]
        for got in platform.got:
            digest = sha256(f"parrot:bot:ana:{got.id}".encode()).digest()
            rows = await booth.lab.rows("select known_message_id from thread_ids where digest = %s", [digest])
            assert [row["known_message_id"] for row in rows] == [message]


async def test_without_a_connector_for_the_account_a_reply_waits(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = await booth.say(await booth.opened(account="other"), "Try again")
        await booth.drain()
        assert (await booth.state(message), platform.got) == ("queued", [])


async def test_an_answer_in_a_group_goes_to_the_group_and_quotes_the_requester(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        number = await booth.opened(where="-100", group=True, number=7)
        message = await booth.say(number, "Try again")
        await booth.drain()
        assert [got.to for got in platform.got] == ["-100"]
        row = (await booth.lab.rows("select details from messages where id = %s", [message]))[0]
        assert row["details"]["details"] == {"group": True, "answers": "7"}


async def test_nobody_can_be_copied_into_a_conversation(database: str, tmp_path: Path, platform: ChatPlatform) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        number = await booth.opened()
        with pytest.raises(NotSaidError, match="nobody can be copied"):
            await answers(booth.lab).reply(number, Text(content="Hello"), by="rui", cc=["bob@b.example"])
        with pytest.raises(NotSaidError, match="stays on it"):
            await answers(booth.lab).note(number, Text(content="Hello"), by="rui", to=["bob@b.example"])
        said = await answers(booth.lab).note(number, Text(content="Hello"), by="rui")
        await booth.drain()
        assert (said.recipients, platform.got) == ((), [])


async def test_a_reply_to_merged_tickets_goes_to_the_survivors_requester(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        first, second = await booth.opened(), await booth.opened("two", sender="bob", minutes=5)
        await booth.lab.run(
            "update tickets set merged_into_id = (select id from tickets where number = %s) where number = %s",
            [first, second],
        )
        await booth.say(second, "For whom?")
        await booth.drain()
        assert [got.to for got in platform.got] == ["ana"]


async def test_somebody_who_blocked_us_ends_the_send_with_the_reason(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        platform.blocked.add("ana")
        message = await booth.say(await booth.opened(), "Try again")
        await booth.drain()
        row = await booth.send(message)
        assert (row["state"], row["problem"]) == ("failed", "the person has blocked us")


async def test_a_platform_that_is_down_costs_no_attempt(database: str, tmp_path: Path, platform: ChatPlatform) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = await booth.say(await booth.opened(), "Try again")
        platform.down = True
        worker = booth.worker()
        assert [await worker.round() for _ in range(3)] == [1, 0, 0]
        assert booth.told.troubles == {"parrot:bot": "it answers 503"}
        assert (await booth.send(message))["attempts"] == 0
        platform.down = False
        booth.now += timedelta(seconds=2)
        await worker.round()
        assert (platform.texts(), booth.told.troubles) == (["Try again"], {})


async def test_a_message_without_a_conversation_is_answered_nowhere(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = chat("one")
        await booth.lab.route(
            message.model_copy(update={"thread": message.thread.model_copy(update={"conversation": None})})
        )
        number = (await booth.lab.rows("select number from tickets"))[0]["number"]
        with pytest.raises(NotSaidError, match="no conversation"):
            await booth.say(number, "Hello")
