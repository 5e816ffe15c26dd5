"""Writers are shown by name, as far as VK tells it in time; nothing waits for long, and nothing is lost for a name."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from intake_door import Bench

from connectors.base import Delivery
from connectors.vk import names
from connectors.vk.channel import VkCallback
from connectors.vk.names import AT_ONCE, LIFE, QUIET, Names
from connectors.vk.normalize import normalize
from daemon.intake_app import PushDoor
from doubles.vk import VkDouble

NOW = datetime(2026, 11, 21, 13, 20, 1, tzinfo=UTC)
GROUP, SECRET, ANNA = 20629724, "aaQ13axAPQEcczQa", 14887


@pytest.fixture(autouse=True)
def people(vk: VkDouble) -> None:
    vk.community.people[ANNA] = ("Анна", "Петрова")


def written(vk: VkDouble, sender: int = ANNA, **more: object) -> bytes:
    event = {"type": "message_new", "group_id": GROUP, "event_id": "e1", "object": vk.community.write(sender, "привет")}
    return json.dumps({**event, "secret": SECRET, **more}).encode()


async def stored(bot: VkCallback, raw: bytes, *, at: datetime = NOW) -> tuple[int, list[str]]:
    bench = Bench(connectors={"photo-club": bot})
    door = PushDoor(connector=bot, intake=bench.intakes["photo-club"], clock=lambda: at)
    answer = await door.take(raw, headers={}, peer="", tls=True)
    return answer.status, [one.sender.name for one in bench.sink.messages]


def looked_up(vk: VkDouble) -> list[str]:
    return [form["user_ids"] for method, form in vk.community.calls if method == "users.get"]


async def test_a_customer_is_shown_by_name_and_vk_is_asked_once_a_day(callback: VkCallback, vk: VkDouble) -> None:
    assert await stored(callback, written(vk)) == (200, ["Анна Петрова"])
    assert await stored(callback, written(vk), at=NOW + timedelta(hours=1)) == (200, ["Анна Петрова"])
    assert looked_up(vk) == [str(ANNA)]
    await stored(callback, written(vk), at=NOW + LIFE + timedelta(seconds=1))
    assert looked_up(vk) == [str(ANNA)] * 2


async def test_somebody_whom_vk_does_not_name_is_stored_without_and_not_asked_for_again(
    callback: VkCallback, vk: VkDouble
) -> None:
    for _ in range(2):
        assert await stored(callback, written(vk, 5)) == (200, [""])
    assert looked_up(vk) == ["5"]


@pytest.mark.parametrize("trouble", ["outage", "refused"])
async def test_a_look_up_that_fails_loses_nothing_and_the_next_ones_do_not_wait_for_it(
    callback: VkCallback, vk: VkDouble, trouble: str
) -> None:
    vk.outage = trouble == "outage"
    vk.community.forced += [15] if trouble == "refused" else []
    assert await stored(callback, written(vk)) == (200, [""])
    vk.outage = False
    assert await stored(callback, written(vk)) == (200, [""])
    assert await stored(callback, written(vk), at=NOW + QUIET) == (200, ["Анна Петрова"])


class Slow:
    """VK that answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may = asyncio.Event()

    async def call(self, method: str, parameters: dict[str, str]) -> object:
        assert method == "users.get"
        self.asked.append(parameters["user_ids"])
        await self.may.wait()
        return [{"id": int(one), "first_name": f"N{one}", "last_name": ""} for one in parameters["user_ids"].split(",")]


def slow_names(vk: Slow) -> Names:
    return Names(client=lambda: vk)  # type: ignore[arg-type, return-value] # stands for a client that never ends


async def test_while_vk_is_slow_one_message_waits_for_a_moment_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "SECONDS", 0.05)
    vk = Slow()
    found = slow_names(vk)
    assert await found.of(["1"], at=NOW) == {}
    monkeypatch.setattr(names, "SECONDS", 60)
    async with asyncio.timeout(5):
        assert await found.of(["2"], at=NOW) == {}
    vk.may.set()
    await asyncio.sleep(0.01)
    assert await found.of(["1"], at=NOW) == {"1": "N1"}
    await found.close()


async def test_who_writes_while_vk_is_asked_is_asked_for_together() -> None:
    vk = Slow()
    found = slow_names(vk)
    tasks = [asyncio.create_task(found.of([str(number)], at=NOW)) for number in range(1, AT_ONCE + 3)]
    await asyncio.sleep(0.05)
    vk.may.set()
    assert [await task for task in tasks][1] == {"2": "N2"}
    assert [len(asked.split(",")) for asked in vk.asked] in ([1000, 2], [1, 1000, 1])


async def test_what_is_kept_of_names_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "MOST", 3)
    vk = Slow()
    vk.may.set()
    found = slow_names(vk)
    await found.of([str(number) for number in range(1, 6)], at=NOW)
    assert await found.of(["5"], at=NOW) == {"5": "N5"}
    assert len(vk.asked) == 1
    await found.of(["1"], at=NOW)
    assert len(vk.asked) == 2


async def test_a_name_in_what_came_from_outside_is_dropped_and_none_is_more_than_a_line(
    callback: VkCallback, vk: VkDouble
) -> None:
    vk.community.people[7] = ("Evil\nSubject: x\x00", "y" * 400)
    assert await stored(callback, written(vk, 5, names={"5": "Boss"})) == (200, [""])
    ((_, (name,)),) = [await stored(callback, written(vk, 7))]
    assert (name.startswith("Evil Subject: x"), "\n" in name, len(name) <= 255) == (True, False, True)


async def test_a_deleted_page_has_no_name(callback: VkCallback, vk: VkDouble) -> None:
    vk.community.people[8], vk.community.deleted = ("DELETED", ""), {8}
    assert await stored(callback, written(vk, 8)) == (200, [""])


def test_the_key_of_a_message_is_the_same_with_and_without_a_name(callback: VkCallback, vk: VkDouble) -> None:
    event = json.loads(written(vk))
    made = [
        normalize(
            Delivery(account=callback.account, raw=json.dumps(one).encode(), received_at=NOW, intake="webhook")
        ).message
        for one in (event, {**event, "names": {str(ANNA): "Анна"}})
    ]
    assert made[0].delivery_key == made[1].delivery_key
    assert [one.sender.name for one in made] == ["", "Анна"]
