"""A sending process that dies between any two steps: nothing is lost, and nothing that may have arrived goes twice."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from chat_lab import Booth, open_booth
from chat_platform import ChatPlatform, chat_platform
from sending_lab import LEASE, DiedError

from connectors.sending import ChatLetter, Part, Sender, SendPace, Sent
from schemas.part_rows import MarkedPart
from ticket_store.parts import PostgresParts


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


class DyingParts(PostgresParts):
    """The process dies around what it writes of the second piece."""

    def __init__(self, *, dies: str, **more: Any) -> None:
        super().__init__(**more)
        self._dies = dies

    async def begin(self, message_id: int, echoes: Any) -> Any:
        if self._dies == "before the pieces are stored":
            raise DiedError
        found = await super().begin(message_id, echoes)
        if self._dies == "after the pieces are stored":
            raise DiedError
        return found

    async def try_part(self, message_id: int, part: int, **more: Any) -> bool:
        if self._dies == "before the call is noted" and part == 1:
            raise DiedError
        found = await super().try_part(message_id, part, **more)
        if self._dies == "before the call" and part == 1:
            raise DiedError
        return found

    async def mark(self, row: MarkedPart) -> None:
        if self._dies == "after the call" and row.part == 1:
            raise DiedError
        await super().mark(row)
        if self._dies == "after the mark" and row.part == 1:
            raise DiedError


def dying(booth: Booth, step: str) -> Booth:
    return Booth(
        lab=booth.lab,
        blobs=booth.blobs,
        platforms=booth.platforms,
        now=booth.now,
        keyed=booth.keyed,
        store=DyingParts(pool=booth.lab.pool, dies=step),
    )


TEXT = f"{'a' * 100}{'b' * 100}{'c' * 100}"
PIECES = ["a" * 100, "b" * 100, "c" * 100]
SURE = (
    "before the pieces are stored", "after the pieces are stored", "before the call is noted", "after the mark"
)  # fmt: skip
UNSEEN = ("before the call", "after the call")


async def died_and_gone_on(booth: Booth, step: str) -> int:
    message = await booth.say(await booth.opened(), TEXT)
    with pytest.raises(DiedError):
        await dying(booth, step).drain()
    await booth.drain()
    assert await booth.state(message) == "queued"
    booth.now += LEASE + timedelta(seconds=1)
    await booth.drain()
    return message


@pytest.mark.parametrize("step", SURE)
async def test_what_the_platform_surely_has_or_has_not_goes_once(
    step: str, database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = await died_and_gone_on(booth, step)
        assert platform.texts() == PIECES
        assert await booth.state(message) == "sent"


@pytest.mark.parametrize("step", UNSEEN)
async def test_a_call_that_nobody_saw_the_end_of_is_not_made_again_and_agents_see_it(
    step: str, database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        message = await died_and_gone_on(booth, step)
        assert platform.texts() == (PIECES if step == "after the call" else [PIECES[0], PIECES[2]])
        assert [state for state, _ in await booth.parts(message)] == ["sent", "unsure", "sent"]
        row = await booth.send(message)
        assert (row["state"], row["recipients"][0]["state"]) == ("sent", "unsure")
        assert row["problem"] == "it may have arrived: nobody saw the platform's answer"
        assert (await booth.lab.events())[-1] == "ticket.delivery_changed"
        shown = await booth.shown(message)
        assert "to ana: unsure" in shown
        assert "part 2 of 3: unsure (nobody saw the platform's answer)" in shown


@pytest.mark.parametrize("step", UNSEEN)
async def test_where_the_platform_knows_our_name_for_it_the_call_is_made_again(
    step: str, database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform, keyed=True) as booth:
        platform.knows_keys = True
        message = await died_and_gone_on(booth, step)
        assert platform.texts() == PIECES
        assert await booth.state(message) == "sent"
        assert [state for state, _ in await booth.parts(message)] == ["sent"] * 3


async def test_an_answer_that_never_comes_leaves_the_rest_for_later(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform) as booth:
        platform.swallow = 1
        message = await booth.say(await booth.opened(), TEXT)
        await booth.drain()
        assert [state for state, _ in await booth.parts(message)] == ["unsure", "waiting", "waiting"]
        booth.now += timedelta(minutes=2)
        await booth.drain()
        assert (platform.texts(), await booth.state(message)) == (PIECES, "unsure")


async def test_an_answer_that_never_comes_is_asked_for_again_by_our_name(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform, keyed=True) as booth:
        platform.knows_keys, platform.swallow = True, 1
        message = await booth.say(await booth.opened(), TEXT)
        await booth.drain()
        booth.now += timedelta(minutes=2)
        await booth.drain()
        assert (platform.texts(), await booth.state(message)) == (PIECES, "sent")


async def test_a_later_version_that_cuts_otherwise_sends_the_pieces_that_were_stored(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    class Coarse:
        """Cuts nothing any more."""

        def __init__(self, sender: Sender) -> None:
            self.account = sender.account
            self.pace = SendPace()
            self.echo_seconds = None
            self._sender = sender
            self.authenticate, self.normalize = sender.authenticate, sender.normalize
            self.undecodable = sender.undecodable

        def split(self, letter: ChatLetter) -> Sequence[Part]:
            return [Part(index=0, to=letter.to, payload={"text": letter.text})]

        async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
            return await self._sender.send(part, content=content, link=link)

    async with open_booth(database, tmp_path, platform) as booth:
        message = await booth.say(await booth.opened(), TEXT)
        with pytest.raises(DiedError):
            await dying(booth, "after the mark").drain()
        booth.now += LEASE + timedelta(seconds=1)
        booth.wrap = Coarse
        await booth.drain()
        assert (platform.texts(), await booth.state(message)) == (PIECES, "sent")
