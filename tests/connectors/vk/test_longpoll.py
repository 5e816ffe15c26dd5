"""Polling loses nothing: the cursor moves after the store, what was missed is read again, one odd event blocks none."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.base import Delivery, LaterError
from connectors.vk.channel import VkLongPoll
from doubles.vk import VkDouble

ANNA, BORIS = 14887, 14888
PATIENCE = 10.0


@dataclass(kw_only=True)
class Desk:
    """A desk in memory; `closed` says later."""

    cursor: Mapping[str, Any] = field(default_factory=dict)
    taken: list[Delivery] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    rounds: int = 0
    closed: bool = False

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        if self.closed:
            raise LaterError("the bus is down")
        self.taken.extend(deliveries)

    async def load_cursor(self) -> Mapping[str, Any]:
        return self.cursor

    async def save_cursor(self, cursor: Mapping[str, Any]) -> None:
        self.cursor = cursor

    def now(self) -> datetime:
        return datetime(2026, 11, 21, 13, 20, tzinfo=UTC)

    def well(self) -> None:
        self.rounds += 1

    def trouble(self, problem: str) -> None:
        self.troubles.append(problem)

    def keys(self, bot: VkLongPoll) -> list[str]:
        return [bot.normalize(one).message.delivery_key for one in self.taken]


@asynccontextmanager
async def polling(bot: VkLongPoll, desk: Desk) -> AsyncIterator[Desk]:
    task = asyncio.create_task(bot.poll(desk))
    try:
        yield desk
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def so(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what changes lives in another thread
            await asyncio.sleep(0.01)


async def until(desk: Desk, taken: int) -> None:
    await so(lambda: len(desk.taken) >= taken)


def text(delivery: Delivery) -> str:
    event = json.loads(delivery.raw)
    return str(event.get("object", {}).get("message", {}).get("text", "")) if isinstance(event, dict) else ""


async def test_what_people_write_is_taken_and_the_cursor_follows(poller: VkLongPoll, vk: VkDouble) -> None:
    async with polling(poller, Desk(cursor={"ts": "100"})) as desk:
        vk.happen("message_new", vk.community.write(ANNA, "один"))
        await until(desk, 1)
        vk.happen("message_new", vk.community.write(ANNA, "два"))
        await until(desk, 2)
        await so(lambda: desk.cursor == {"ts": "102"})
    assert [text(one) for one in desk.taken] == ["один", "два"]


async def test_while_the_bus_is_down_the_cursor_waits_and_nothing_is_lost(poller: VkLongPoll, vk: VkDouble) -> None:
    async with polling(poller, Desk(cursor={"ts": "100"}, closed=True)) as desk:
        vk.happen("message_new", vk.community.write(ANNA, "важное"))
        await so(lambda: desk.troubles)
        assert (desk.taken, desk.cursor) == ([], {"ts": "100"})
        desk.closed = False
        await until(desk, 1)
    assert desk.troubles == ["the bus is down"]


async def test_a_restart_goes_on_where_the_last_one_stood(poller: VkLongPoll, vk: VkDouble) -> None:
    vk.happen("message_new", vk.community.write(ANNA, "пока нас не было"))
    async with polling(poller, Desk(cursor={"ts": "100"})) as desk:
        await until(desk, 1)
    assert text(desk.taken[0]) == "пока нас не было"


async def test_the_first_start_reads_what_nobody_answered_yet(poller: VkLongPoll, vk: VkDouble) -> None:
    for one in ("раз", "два"):
        vk.happen("message_new", vk.community.write(ANNA, one))
    vk.happen("message_new", vk.community.write(BORIS, "спасибо"))
    vk.community.message(-vk.community.group_id, "пожалуйста", peer=BORIS)
    async with polling(poller, Desk()) as desk:
        await until(desk, 2)
        await so(lambda: desk.cursor)
    assert [text(one) for one in desk.taken] == ["раз", "два"]


async def test_a_conversation_that_is_shut_keeps_no_other_waiting(poller: VkLongPoll, vk: VkDouble) -> None:
    for person in (ANNA, BORIS):
        vk.happen("message_new", vk.community.write(person, f"ждёт {person}"))
    vk.community.shut.add(str(ANNA))
    async with polling(poller, Desk()) as desk:
        await until(desk, 1)
        await so(lambda: desk.cursor == {"ts": "102"})
    assert [text(one) for one in desk.taken] == [f"ждёт {BORIS}"]


async def test_lost_history_is_read_again_with_the_same_keys(poller: VkLongPoll, vk: VkDouble) -> None:
    event = vk.happen("message_new", vk.community.write(ANNA, "потерянное"))
    raw = json.dumps(event).encode()
    live = Delivery(account=poller.account, raw=raw, received_at=Desk().now(), intake="poll")
    vk.community.oldest = vk.community.ts
    async with polling(poller, Desk(cursor={"ts": "100"})) as desk:
        await so(lambda: desk.cursor == {"ts": "101"})
    assert desk.keys(poller) == [poller.normalize(live).message.delivery_key]


async def test_an_old_key_is_replaced_and_no_event_is_skipped(poller: VkLongPoll, vk: VkDouble) -> None:
    async with polling(poller, Desk(cursor={"ts": "100"})) as desk:
        await so(lambda: vk.polls)
        vk.community.key = "poll-key-2"
        vk.happen("message_new", vk.community.write(ANNA, "после смены ключа"))
        await until(desk, 1)
    assert text(desk.taken[0]) == "после смены ключа"


async def test_a_lost_place_reads_the_conversations_and_goes_on(poller: VkLongPoll, vk: VkDouble) -> None:
    vk.happen("message_new", vk.community.write(ANNA, "раньше"))
    vk.failed.append({"failed": 3})
    async with polling(poller, Desk(cursor={"ts": "101"})) as desk:
        await until(desk, 1)
        vk.happen("message_new", vk.community.write(ANNA, "позже"))
        await until(desk, 2)
    assert [text(one) for one in desk.taken] == ["раньше", "позже"]


async def test_an_odd_event_blocks_no_other(poller: VkLongPoll, vk: VkDouble) -> None:
    for odd in (None, [1], "x", {"message": None}, {"message": {"attachments": {"type": 5}}}):
        vk.community.happen("message_new", odd)
    vk.happen("message_new", vk.community.write(ANNA, "дальше"))
    async with polling(poller, Desk(cursor={"ts": "100"})) as desk:
        await until(desk, 6)
    assert text(desk.taken[-1]) == "дальше"


async def test_a_message_that_vk_cut_is_asked_for_whole(poller: VkLongPoll, vk: VkDouble) -> None:
    whole = vk.community.message(ANNA, "очень длинное письмо", is_cropped=True)
    vk.happen("message_new", {"message": {**whole, "text": "очень"}})
    async with polling(poller, Desk(cursor={"ts": "100"})) as desk:
        await until(desk, 1)
    assert text(desk.taken[0]) == "очень длинное письмо"


async def test_an_outage_is_shown_without_the_key_and_ends_by_itself(poller: VkLongPoll, vk: VkDouble) -> None:
    vk.outage = True
    async with polling(poller, Desk(cursor={"ts": "100"})) as desk:
        await so(lambda: desk.troubles)
        vk.outage = False
        vk.happen("message_new", vk.community.write(ANNA, "снова"))
        await until(desk, 1)
    assert set(desk.troubles) == {"VK answered 503"}
    assert vk.community.token not in str(desk.troubles)
