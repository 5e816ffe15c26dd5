"""Paces, order and isolation: what a platform allows, shared by all workers, and nobody waits for another's trouble."""

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from chat_lab import Booth, open_booth
from chat_platform import ChatPlatform, chat_platform

from connectors.sending import SendPace
from router.sending import SendingWorker


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


class RealTime(Booth):
    """The clock of the wall: paces are about real seconds."""

    def clock(self) -> datetime:
        return datetime.now(UTC)


def real(booth: Booth, pace: SendPace) -> Booth:
    return RealTime(lab=booth.lab, blobs=booth.blobs, platforms=booth.platforms, pace=pace, told=booth.told)


async def run_until(workers: list[SendingWorker], platform: ChatPlatform, count: int) -> None:
    """Run workers as the daemon does until the platform has so many messages."""
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    deadline = time.monotonic() + 120
    while len(platform.got) < count and time.monotonic() < deadline:  # noqa: ASYNC110 - another thread takes them
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    for worker in workers:
        worker.stop()
    await asyncio.gather(*tasks)
    assert len(platform.got) == count


async def test_two_workers_keep_the_pace_of_an_account_and_of_every_conversation(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        platform.chat_every, platform.account_every = 0.1, 0.01  # far less: on a busy machine calls come late
        pace = SendPace(account_per_second=1 / 0.15, chat_every=timedelta(seconds=0.4))
        people = [await booth.opened(f"{who}", sender=who) for who in ("ana", "bob", "cid")]
        for turn in range(6):
            for number in people:
                await booth.say(number, f"{turn}")
        await run_until([real(booth, pace).worker(poll=0.05) for _ in range(2)], platform, 18)
        assert platform.floods == 0
        for who in ("ana", "bob", "cid"):
            assert platform.texts(who) == [f"{turn}" for turn in range(6)]
        assert len({got.to for got in platform.got[:3]}) == 3, "conversations do not wait for one another"


async def test_a_platform_that_says_when_is_asked_again_then_by_nobody_before(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        platform.chat_every, platform.retry_after = 0.5, 60
        number = await booth.opened()
        other = await booth.opened("two", sender="bob")
        first, second = await booth.say(number, "one"), await booth.say(number, "two")
        await booth.drain()
        await booth.drain()
        assert (platform.texts(), platform.floods) == (["one"], 1)
        row = await booth.send(second)
        assert (row["state"], row["attempts"], row["problem"]) == ("queued", 0, "too many messages")
        assert row["due_at"] == booth.now + timedelta(seconds=60)
        await booth.say(other, "bob is answered")
        await booth.drain()
        assert platform.texts() == ["one", "bob is answered"]
        await asyncio.sleep(0.5)
        booth.now += timedelta(seconds=61)
        await booth.drain()
        assert platform.texts("ana") == ["one", "two"]
        assert await booth.state(first) == "sent"


async def test_told_to_wait_in_two_conversations_the_whole_account_waits(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        platform.account_every, platform.retry_after = 100, 60
        numbers = [await booth.opened(who, sender=who) for who in ("ana", "bob", "cid", "dan")]
        for number in numbers:
            await booth.say(number, "hello")
            await booth.drain()
        assert (len(platform.got), platform.calls, platform.floods) == (1, 3, 2)


async def test_answers_in_one_conversation_keep_their_order_over_tickets(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        first = await booth.opened()
        await booth.lab.run("update tickets set status = 'closed', closed_at = now() - interval '1 year'")
        await booth.lab.run("update conversations set ticket_id = null")
        second = await booth.opened("two", number=2, minutes=1)
        assert first != second
        platform.down = True
        await booth.say(first, "one")
        await booth.drain()
        await booth.say(second, "two")
        platform.down = False
        booth.now += timedelta(seconds=5)
        await booth.drain()
        assert platform.texts("ana") == ["one", "two"]


async def test_a_platform_that_hangs_delays_no_other_account(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    with chat_platform() as slow:
        async with open_booth(database, tmp_path, platform, {"slow": slow}) as booth:
            slow.slow = 1.8
            number = await booth.opened()
            for who in range(8):
                await booth.say(await booth.opened(f"s{who}", sender=f"s{who}", account="slow"), "slow")
            for turn in range(5):
                await booth.say(number, f"{turn}")
            began = time.monotonic()
            await run_until([real(booth, SendPace()).worker(poll=0.02)], platform, 5)
            assert platform.got[-1].at - began < 1.8
            assert len(slow.got) <= 8


async def test_an_account_that_is_down_delays_no_other_account(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    with chat_platform(down=True) as down:
        async with open_booth(database, tmp_path, platform, {"down": down}) as booth:
            lost = await booth.say(await booth.opened("one", sender="bob", account="down"), "lost")
            await booth.say(await booth.opened("two"), "found")
            worker = booth.worker()
            assert await worker.round() == 2
            assert platform.texts() == ["found"]
            assert booth.told.troubles == {"parrot:down": "it answers 503"}
            assert (await booth.send(lost))["attempts"] == 0


async def test_a_conversation_that_the_platform_moved_is_followed(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        number = await booth.opened(where="-1", group=True)
        waiting = await booth.say(number, "written before")
        platform.moved["-1"] = "-1001"
        await booth.say(number, "b" * 150)
        await booth.drain()
        assert {got.to for got in platform.got} == {"-1001"}
        calls = platform.calls
        await booth.say(number, "written after")
        await booth.drain()
        assert platform.calls == calls + 1, "the old id is not tried any more"
        assert await booth.state(waiting) == "sent"
        rows = await booth.lab.rows("select 1 from thread_ids where digest = sha256(%s)", [b"parrot:bot:-1001:1000"])
        assert len(rows) == 1


LONG = f"{'a' * 100}{'b' * 100}"


async def test_what_may_have_arrived_is_followed_by_the_rest_when_the_platform_said(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        platform.torn, platform.retry_after = 1, 600
        message = await booth.say(await booth.opened(), LONG)
        await booth.drain()
        assert [state for state, _ in await booth.parts(message)] == ["unsure", "waiting"]
        row = await booth.send(message)
        assert (row["due_at"], row["attempts"]) == (booth.now + timedelta(seconds=600), 0)
        booth.now += timedelta(seconds=599)
        await booth.drain()
        assert platform.texts() == ["a" * 100]
        booth.now += timedelta(seconds=2)
        await booth.drain()
        assert (platform.texts(), await booth.state(message)) == (["a" * 100, "b" * 100], "unsure")


async def test_after_a_last_part_that_may_have_arrived_the_conversation_waits_as_the_platform_said(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        platform.torn, platform.retry_after = 1, 600
        number = await booth.opened()
        first, second = await booth.say(number, "one"), await booth.say(number, "two")
        await booth.drain()
        await booth.drain()
        assert (await booth.state(first), platform.texts()) == ("unsure", ["one"])
        assert (await booth.send(second))["due_at"] == booth.now + timedelta(seconds=600)
