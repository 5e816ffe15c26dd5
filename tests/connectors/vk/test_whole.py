"""Messages that VK cut are stored whole, and a confirmation is not given away as often as anybody likes."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from intake_door import Bench

from connectors.base import Delivery
from connectors.vk.channel import VkCallback
from daemon.intake_app import PushDoor
from doubles.vk import VkDouble

NOW = datetime(2026, 11, 21, 13, 20, 1, tzinfo=UTC)
GROUP, SECRET, ANNA = 20629724, "aaQ13axAPQEcczQa", 14887


class Clock:
    """Tells the time that a test sets."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


def cut(vk: VkDouble) -> bytes:
    """Let Anna write something long of which VK tells the beginning alone."""
    whole = vk.community.message(ANNA, "начало и конец", date=int(NOW.timestamp()))
    message = {**whole, "text": "начало", "is_cropped": True}
    event = {"type": "message_new", "group_id": GROUP, "event_id": "e1", "object": {"message": message}}
    return json.dumps({**event, "secret": SECRET}).encode()


async def take(bot: VkCallback, bench: Bench, raw: bytes, clock: Clock) -> tuple[int, list[str]]:
    door = PushDoor(connector=bot, intake=bench.intakes["photo-club"], clock=clock)
    answer = await door.take(raw, headers={}, peer="", tls=True)
    return answer.status, [one.text.content for one in bench.sink.messages]


async def test_a_message_that_was_cut_is_stored_whole(callback: VkCallback, vk: VkDouble) -> None:
    bench = Bench(connectors={"photo-club": callback})
    assert await take(callback, bench, cut(vk), Clock()) == (200, ["начало и конец"])
    assert "cropped" not in bench.sink.messages[0].details
    assert not any(SECRET.encode() in content for content in bench.blobs.contents.values())


@pytest.mark.parametrize("trouble", ["outage", "flood"])
async def test_while_vk_does_not_give_it_the_callback_is_told_to_come_again(
    callback: VkCallback, vk: VkDouble, trouble: str
) -> None:
    bench, raw, clock = Bench(connectors={"photo-club": callback}), cut(vk), Clock()
    vk.outage = trouble == "outage"
    vk.community.forced += [6] if trouble == "flood" else []
    assert await take(callback, bench, raw, clock) == (503, [])
    vk.outage = False
    assert await take(callback, bench, raw, clock) == (200, ["начало и конец"])


async def test_a_message_is_not_held_up_for_long_and_says_that_it_is_cut(callback: VkCallback, vk: VkDouble) -> None:
    bench, raw, clock = Bench(connectors={"photo-club": callback}), cut(vk), Clock()
    vk.outage = True
    clock.at += timedelta(minutes=11)
    assert await take(callback, bench, raw, clock) == (200, ["начало"])
    assert bench.sink.messages[0].details["cropped"] is True


async def test_what_vk_refuses_for_good_stays_cut(callback: VkCallback, vk: VkDouble) -> None:
    bench = Bench(connectors={"photo-club": callback})
    vk.community.forced.append(15)
    assert await take(callback, bench, cut(vk), Clock()) == (200, ["начало"])


async def test_nobody_makes_us_ask_vk_without_the_secret_key(callback: VkCallback, vk: VkDouble) -> None:
    bench = Bench(connectors={"photo-club": callback})
    raw = cut(vk).replace(SECRET.encode(), b"another")
    assert await take(callback, bench, raw, Clock()) == (401, [])
    assert vk.community.calls == []


def confirmation(bot: VkCallback, at: datetime, **more: Any) -> Delivery:
    raw = json.dumps({"type": "confirmation", "group_id": GROUP, **more}).encode()
    return Delivery(account=bot.account, raw=raw, received_at=at, intake="webhook")


async def test_a_confirmation_without_the_key_is_answered_a_few_times_a_minute(
    callback: VkCallback, vk: VkDouble
) -> None:
    vk.community.callback_url = "https://desk.example.org/in/vk/photo-club"
    await callback.register("https://desk.example.org/in/vk/photo-club")
    answers = [callback.handshake(confirmation(callback, NOW)) for _ in range(20)]
    statuses = [answer.status for answer in answers if answer is not None]
    assert (statuses[0], statuses[-1], statuses.count(200)) == (200, 429, 5)
    with_key = callback.handshake(confirmation(callback, NOW, secret=SECRET))
    assert with_key is not None
    assert with_key.status == 200, "VK itself, which knows the key, is never kept out"
    later = callback.handshake(confirmation(callback, NOW + timedelta(minutes=1)))
    assert later is not None
    assert later.status == 200
