"""Files that lie at a platform: fetched early, once, brought to the message, and told when they are too large."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from answering_lab import SOURCE
from chat_lab import Booth, chat, open_booth
from chat_platform import ChatPlatform, chat_platform
from routing_lab import HOLDING, KEY

from connectors.download import Bounds, Downloader
from daemon.adapters import STORE_ERRORS
from daemon.media import FetchJob
from router.fetched import Fetched
from schemas.message import InboundMessage
from ticket_store.media import FetchQueue, FetchStore
from ticket_store.numbers import TicketNumbers


@pytest.fixture
def platform() -> Iterator[ChatPlatform]:
    with chat_platform() as found:
        yield found


class Counted:
    """What became of files."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def fetched(self, account: str, state: str) -> None:
        self.states.append(f"{account} {state}")


@dataclass(kw_only=True)
class Media:
    booth: Booth
    counted: Counted

    def job(self, limit: int = 1000) -> FetchJob:
        booth = self.booth
        store = FetchStore(pool=booth.lab.pool, numbers=TicketNumbers(key=KEY))
        return FetchJob(
            fetchers={name: booth.connector(name) for name in booth.platforms},
            queue=FetchQueue(pool=booth.lab.pool),
            blobs=booth.blobs,
            fetched=Fetched(store=store, policies=HOLDING, source=SOURCE, clock=booth.clock),
            downloader=Downloader(bounds=Bounds(size=limit, silence=1)),
            clock=booth.clock,
            store_errors=STORE_ERRORS,
            metrics=self.counted,
        )

    async def came(self, name: str, *files: str, **more: Any) -> None:
        await self.booth.lab.route(await self.message(name, *files, **more))

    async def message(self, name: str, *files: str, **more: Any) -> InboundMessage:
        kept = await self.booth.blobs.put(f"raw of {name}".encode())
        pending = [{"name": f"{file}.png", "state": "pending", "platform_id": file} for file in files]
        made = chat(name, files=pending, **more)
        return made.model_copy(update={"raw": kept})

    async def files(self, name: str) -> list[dict[str, Any]]:
        rows = await self.booth.lab.rows("select details from messages where body_text = %s", [f"text of {name}"])
        found: list[dict[str, Any]] = rows[0]["details"]["files"]
        return found

    async def fetches(self) -> list[dict[str, Any]]:
        return await self.booth.lab.rows("select * from media_fetches order by message_id, platform_id")


@asynccontextmanager
async def open_media(database: str, folder: Path, platform: ChatPlatform, **more: Any) -> AsyncIterator[Media]:
    async with open_booth(database, folder, platform, **more) as booth:
        yield Media(booth=booth, counted=Counted())


async def test_a_file_at_the_platform_becomes_a_stored_one(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        platform.files["f1"] = b"a picture"
        await media.came("one", "f1")
        assert await media.job().round() == 1
        digest = sha256(b"a picture").hexdigest()
        (file,) = await media.files("one")
        assert (file.get("state", "stored"), file["size"]) == ("stored", 9)
        assert file["blob"] == {"sha256": digest, "size": 9}
        assert await media.booth.blobs.get(digest) == b"a picture"
        refs = await media.booth.lab.rows("select owner_kind from blob_refs where encode(sha256, 'hex') = %s", [digest])
        assert [row["owner_kind"] for row in refs] == ["message"]
        assert await media.booth.lab.events() == ["ticket.created", "ticket.message_revised"]
        assert (await media.fetches())[0]["state"] == "stored"
        assert media.counted.states == ["bot stored"]
        assert await media.job().round() == 0


async def test_a_message_without_such_files_asks_for_nothing(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        await media.came("one")
        assert (await media.fetches(), await media.job().round()) == ([], 0)


@pytest.mark.parametrize("says", [True, False])
async def test_a_file_over_the_limit_is_refused_and_its_sender_is_to_be_told(
    *, says: bool, database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        platform.files["f1"] = b"x" * 1001
        if not says:
            platform.file_answers["f1"] = (200, {"Content-Length": ""})
        await media.came("one", "f1")
        await media.job().round()
        (file,) = await media.files("one")
        assert (file["state"], file["reason"]) == ("refused", "the file is over the limit of 20 MiB")
        rows = await media.booth.lab.rows("select reason, address, channel, state from notices")
        assert rows == [{"reason": "refused_file", "address": "ana", "channel": "parrot", "state": "due"}]


async def test_a_file_that_is_gone_for_ever_has_failed_with_the_reason(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        await media.came("one", "f1")
        await media.job().round()
        (file,) = await media.files("one")
        assert (file["state"], file["reason"]) == ("failed", "the platform does not have the file any more")
        assert await media.booth.lab.rows("select 1 from notices") == []


async def test_a_platform_that_is_down_is_asked_again_until_patience_is_over(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        platform.files["f1"], platform.down = b"a picture", True
        await media.came("one", "f1")
        assert [await media.job().round() for _ in range(2)] == [1, 0]
        platform.down = False
        media.booth.now += timedelta(seconds=6)
        await media.job().round()
        assert media.counted.states == ["bot later", "bot stored"]


async def test_a_file_that_never_comes_is_given_up_after_a_day(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        platform.files["f1"], platform.down = b"a picture", True
        await media.came("one", "f1")
        media.booth.now += timedelta(hours=25)
        await media.job().round()
        (file,) = await media.files("one")
        assert (file["state"], file["reason"]) == ("failed", "it could not be fetched in time: it answers 503")


async def test_a_file_cut_short_is_fetched_again(database: str, tmp_path: Path, platform: ChatPlatform) -> None:
    async with open_media(database, tmp_path, platform) as media:
        platform.files["f1"], platform.cut_after = b"a picture", 3
        await media.came("one", "f1")
        await media.job().round()
        platform.cut_after = None
        media.booth.now += timedelta(seconds=6)
        await media.job().round()
        assert media.counted.states == ["bot later", "bot stored"]


async def test_a_worker_that_dies_after_the_blob_leaves_the_file_to_the_next(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        platform.files["f1"] = b"a picture"
        await media.came("one", "f1")
        queue, now = FetchQueue(pool=media.booth.lab.pool), media.booth.now
        (taken,) = await queue.claim(rooms={"bot": 1}, now=now, until=now + timedelta(minutes=5))
        await media.booth.blobs.put(b"a picture")
        assert await media.job().round() == 0
        media.booth.now += timedelta(minutes=6)
        assert await media.job().round() == 1
        assert (await media.files("one"))[0]["size"] == 9
        await queue.later(taken, due_at=now, problem="of the dead one")
        assert (await media.fetches())[0]["state"] == "stored"


async def test_the_files_of_an_albums_later_parts_come_to_the_first(
    database: str, tmp_path: Path, platform: ChatPlatform
) -> None:
    async with open_media(database, tmp_path, platform) as media:
        platform.files |= {"f1": b"one", "f2": b"two!"}
        await media.came("one", "f1", album="a1", number=1)
        await media.came("two", "f2", album="a1", number=2)
        while await media.job().round():
            pass
        rows = await media.booth.lab.rows("select details from messages where state = 'ticketed'")
        assert [file["size"] for file in rows[0]["details"]["files"]] == [3, 4]
        held = await media.booth.lab.rows("select count(*) n from blob_refs where sha256 = sha256('two!')")
        assert held[0]["n"] == 2


async def test_one_platform_that_hangs_delays_no_other(database: str, tmp_path: Path, platform: ChatPlatform) -> None:
    with chat_platform(down=True) as other:
        async with open_media(database, tmp_path, platform, others={"slow": other}) as media:
            platform.files["f1"] = b"a picture"
            for turn in range(5):
                await media.came(f"s{turn}", "f1", account="slow", sender=f"s{turn}")
            await media.came("one", "f1")
            assert await media.job().round() == 4
            assert "bot stored" in media.counted.states
