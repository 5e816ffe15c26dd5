"""Albums on a real store: kept with all files, sent in one call, and found by the id of each of their messages."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import cast

import pytest
from chat_connector import ChatConnector
from chat_lab import Booth, open_booth
from chat_platform import ChatPlatform, chat_platform

from connectors.sending import ChatFile, ChatLetter, Part, Sender, SendFailedError, Sent
from daemon.chat_parts import PartsFormatError, pack, unpack
from daemon.chat_passage import verdict
from schemas.message import File, FileState
from schemas.part_rows import PartRow


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


class Collage(ChatConnector):
    """Puts all files of a letter into one part; the platform makes a message of each."""

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        return [Part(index=0, to=letter.to, payload={"text": letter.text}, album=tuple(letter.files))]


class AlbumCollage(Collage):
    """The same, and can send it."""

    refused = False

    async def send_album(self, part: Part, *, contents: Sequence[bytes]) -> Sent:
        if self.refused:
            raise SendFailedError("one of them is refused")
        ids = []
        for file, content in zip(part.album, contents, strict=True):
            single = Part(index=0, to=part.to, payload=part.payload, file=file)
            ids.append((await self.send(single, content=content, link="")).platform_id)
        return Sent(platform_id=ids[0], also=ids[1:])


def as_a(kind: type[Collage], platform: ChatPlatform) -> Sender:
    return cast("Sender", kind(url=platform.url))


async def answered(booth: Booth) -> int:
    files = [File(name=name, state=FileState.STORED, blob=await booth.blobs.put(name.encode())) for name in "abc"]
    return await booth.say(await booth.opened(), "See", files=files)


async def test_every_message_of_an_album_leads_to_ours(database: str, tmp_path: Path, platform: ChatPlatform) -> None:
    async with open_booth(database, tmp_path, platform, wrap=lambda _: as_a(AlbumCollage, platform)) as booth:
        message = await answered(booth)
        await booth.drain()
        assert [got.file for got in platform.got] == ["a", "b", "c"]
        assert (await booth.parts(message), await booth.state(message)) == ([("sent", platform.got[0].id)], "sent")
        for got in platform.got:
            digest = sha256(f"parrot:bot:ana:{got.id}".encode()).digest()
            rows = await booth.lab.rows("select known_message_id from thread_ids where digest = %s", [digest])
            assert [row["known_message_id"] for row in rows] == [message]


class ChoosyCollage(AlbumCollage):
    """Its platform takes all but one."""

    async def send_album(self, part: Part, *, contents: Sequence[bytes]) -> Sent:
        first, *rest = part.album
        sent = await super().send_album(replace(part, album=tuple(rest)), contents=contents[1:])
        return replace(sent, refused=(f"{first.name}: the platform does not take it",))


async def test_of_a_refused_file_in_an_album_the_agent_is_told_while_the_rest_arrives_once(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform, wrap=lambda _: as_a(ChoosyCollage, platform)) as booth:
        message = await answered(booth)
        await booth.drain()
        await booth.drain()
        assert [got.file for got in platform.got] == ["b", "c"]
        row = await booth.send(message)
        assert (row["state"], row["problem"]) == (
            "failed",
            "all but this arrived: 1 of 3 files: a: the platform does not take it",
        )


class PausedCollage(ChoosyCollage):
    """Its platform asks for a pause behind the files that it took."""

    async def send_album(self, part: Part, *, contents: Sequence[bytes]) -> Sent:
        return replace(await super().send_album(part, contents=contents), pause=timedelta(seconds=60))


async def test_a_pause_that_was_asked_for_behind_an_album_is_kept_by_the_conversation(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform, wrap=lambda _: as_a(PausedCollage, platform)) as booth:
        await answered(booth)
        await booth.drain()
        (told,) = await booth.lab.rows("select max(told_until) - %s::timestamptz as left from send_paces", [booth.now])
        assert told["left"] == timedelta(seconds=60)


def row(state: str, problem: str = "") -> PartRow:
    return PartRow(0, state, "", problem, None)


@pytest.mark.parametrize(
    ("rows", "state", "problem"),
    [
        ([row("sent"), row("sent")], "sent", ""),
        ([row("sent", "1 of 2 files: a: no")], "failed", "all but this arrived: 1 of 2 files: a: no"),
        (
            [row("sent", "a: no"), row("unsure", "?")],
            "failed",
            "refused: a: no; of another part: it may have arrived: ?",
        ),
        ([row("unsure", "?")], "unsure", "it may have arrived: ?"),
        ([row("sent", "a: no"), row("failed", "gone")], "failed", "1 of 2 parts arrived; gone; a: no"),
    ],
)
def test_what_an_agent_reads_names_all_that_did_not_arrive(rows: list[PartRow], state: str, problem: str) -> None:
    found = verdict(rows)
    assert (found.state, found.reason) == (state, problem)


async def test_an_album_on_a_channel_without_albums_fails_and_says_so(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_booth(database, tmp_path, platform, wrap=lambda _: as_a(Collage, platform)) as booth:
        message = await answered(booth)
        await booth.drain()
        row = await booth.send(message)
        assert (row["state"], row["problem"], platform.got) == ("failed", "this channel takes one file at a time", [])


def test_an_album_is_kept_whole_and_older_programs_do_not_send_it_without_its_files() -> None:
    files = tuple(ChatFile(name=name, content_type="image/png", size=1, sha256="0" * 64) for name in "ab")
    album = [Part(index=0, to="ana", payload={}, album=files)]
    single = [Part(index=0, to="ana", payload={}, file=files[0])]
    assert (unpack(pack(album)), unpack(pack(single))) == (album, single)
    assert (b'"version":2' in pack(album), b'"version":1' in pack(single)) == (True, True)
    with pytest.raises(PartsFormatError):
        unpack(pack(album).replace(b'"version":2', b'"version":3'))
