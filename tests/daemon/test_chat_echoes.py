"""A platform knows our name for a part again for a while only: after it, what may have arrived is not sent again."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from chat_lab import Booth, open_booth
from chat_platform import ChatPlatform, chat_platform
from sending_lab import LEASE, DiedError

from connectors.base import Account
from connectors.vk.channel import connect
from connectors.vk.settings import VkAccountSettings
from doubles.vk import VkDouble, vk_double
from schemas.part_rows import MarkedPart
from ticket_store.parts import PostgresParts

ANNA = "14887"
TOKEN = "vk1.a.invented-token-of-nobody"
GROUP = 20629724
TOO_MANY = 9
"""VK's error that tells us to come back later."""


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


@pytest.fixture
def vk() -> Iterator[VkDouble]:
    with vk_double(token=TOKEN, group_id=GROUP) as found:
        yield found


class Blind(PostgresParts):
    """The process dies before it notes what a call came to."""

    async def mark(self, row: MarkedPart) -> None:
        del row
        raise DiedError


@asynccontextmanager
async def community(database: str, folder: Path, platform: ChatPlatform, vk: VkDouble) -> AsyncIterator[Booth]:
    found = connect(
        account=Account(name="photo-club", channel="vk", scope="photo-club"),
        settings=VkAccountSettings.model_validate(
            {"token": TOKEN, "group_id": GROUP, "base_url": vk.base_url, "intake": "longpoll"}
        ),
    )
    async with open_booth(database, folder, platform, wrap=lambda _: found) as booth:

        def clock() -> float:
            return booth.now.timestamp()

        vk.community.clock = clock
        try:
            yield booth
        finally:
            await found.close()


@pytest.fixture
async def booth(database: str, tmp_path: Path, platform: ChatPlatform, vk: VkDouble) -> AsyncIterator[Booth]:
    async with community(database, tmp_path, platform, vk) as found:
        yield found


async def tried_unseen(booth: Booth) -> None:
    booth.store = Blind(pool=booth.lab.pool)
    with pytest.raises(DiedError):
        await booth.drain()
    booth.store = None


def arrived(vk: VkDouble) -> int:
    return len(vk.community.history[ANNA])


@pytest.mark.parametrize(("later", "state"), [(timedelta(minutes=30), "sent"), (timedelta(minutes=61), "unsure")])
async def test_a_part_whose_try_is_too_old_for_its_name_is_not_sent_again(
    later: timedelta, state: str, booth: Booth, vk: VkDouble
) -> None:
    message = await booth.say(await booth.opened(where=ANNA), "It comes.")
    await tried_unseen(booth)
    booth.now += later
    await booth.drain()
    assert (arrived(vk), await booth.state(message)) == (1, state)


async def test_the_name_counts_from_the_first_try_that_nobody_saw(booth: Booth, vk: VkDouble) -> None:
    message = await booth.say(await booth.opened(where=ANNA), "It comes.")
    for _ in range(2):
        await tried_unseen(booth)
        booth.now += timedelta(minutes=35)
    await booth.drain()
    assert (arrived(vk), await booth.state(message)) == (1, "unsure")


async def test_a_refusal_after_a_try_that_nobody_saw_does_not_make_it_a_new_one(booth: Booth, vk: VkDouble) -> None:
    message = await booth.say(await booth.opened(where=ANNA), "It comes.")
    await tried_unseen(booth)
    booth.now += LEASE + timedelta(seconds=1)
    vk.community.forced.append(TOO_MANY)
    await booth.drain()
    assert [state for state, _ in await booth.parts(message)] == ["trying"]
    booth.now += timedelta(minutes=65)
    await booth.drain()
    assert (arrived(vk), await booth.state(message)) == (1, "unsure")
