"""A server that breaks at one answer: that answer alone is tried ever more seldom, and its lane goes on."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from chat_lab import Booth, open_booth
from chat_platform import ChatPlatform, chat_platform

from connectors.api.channel import ApiCallback, connect
from connectors.api.settings import ApiAccountSettings
from connectors.base import Account
from connectors.posting import Posted

SECRET = "whsec_aW52ZW50ZWQsIHRha2Ugb25lIG9mIHlvdXIgb3du"
MINUTE = timedelta(seconds=61)


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


class Server:
    """Breaks at what holds the word."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Posted:
        del url, headers
        return Posted(status=500 if b"cursed" in body else 204)


def callback(booth: Booth) -> ApiCallback:
    settings = {"channel": "api", "secret": SECRET, "callback_url": "https://erp.example.org/answers"}
    made = connect(
        account=Account(name="erp", channel="api", scope="erp"), settings=ApiAccountSettings.model_validate(settings)
    )
    assert isinstance(made, ApiCallback)
    made.use_poster(Server(), booth.clock, instance="here")
    return made


async def test_an_answer_at_which_the_server_breaks_costs_tries_and_its_lane_goes_on(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        erp = callback(booth)
        booth.wrap = lambda _: erp
        broken = await booth.say(await booth.opened(), "cursed")
        for _ in range(8):
            await booth.drain()
            booth.now += MINUTE
        assert (await booth.send(broken))["attempts"] >= 2
        fine = await booth.say(await booth.opened("two", sender="bea"), "fine")
        await booth.drain()
        assert (await booth.state(broken), await booth.state(fine)) == ("queued", "sent")
        for _ in range(130):
            booth.now += timedelta(hours=1)
            await booth.drain()
        assert await booth.state(broken) == "failed"
