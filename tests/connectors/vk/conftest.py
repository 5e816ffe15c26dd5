"""A community, and VK on loopback."""

from collections.abc import AsyncIterator, Iterator

import pytest

from connectors.base import Account
from connectors.vk.channel import VkCallback, VkLongPoll, connect
from connectors.vk.settings import VkAccountSettings
from doubles.vk import VkDouble, vk_double

TOKEN = "vk1.a.invented-token-of-nobody"
SECRET = "aaQ13axAPQEcczQa"
GROUP = 20629724


@pytest.fixture
def vk() -> Iterator[VkDouble]:
    with vk_double(token=TOKEN, group_id=GROUP, secret=SECRET) as found:
        yield found


def settings(vk: VkDouble, **more: object) -> VkAccountSettings:
    given = {"token": TOKEN, "group_id": GROUP, "base_url": vk.base_url, "timeout_seconds": 30, **more}
    return VkAccountSettings.model_validate(given)


@pytest.fixture
async def callback(vk: VkDouble) -> AsyncIterator[VkCallback]:
    account = Account(name="photo-club", channel="vk", scope="photo-club")
    made = connect(account=account, settings=settings(vk, secret=SECRET))
    assert isinstance(made, VkCallback)
    yield made
    await made.close()


@pytest.fixture
async def poller(vk: VkDouble) -> AsyncIterator[VkLongPoll]:
    account = Account(name="photo-club", channel="vk", scope="photo-club")
    made = connect(account=account, settings=settings(vk, intake="longpoll"))
    assert isinstance(made, VkLongPoll)
    yield made
    await made.close()
