"""The door of signed links: files in pieces, so many at once, so often, and none that is damaged."""

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.file_door import DoorLimits, LinkDoor
from daemon.file_links import FileLinks
from ticket_store.blobs import CHUNK_BYTES
from ticket_store.blobs_local import LocalBlobStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SECRET = bytes(range(32))
LARGE = bytes(range(256)) * (5 * CHUNK_BYTES // 256) + b"and a little more"


@dataclass(kw_only=True)
class Caller:
    """Somebody who asks. While `reads` is not set nothing but the head is taken."""

    reads: asyncio.Event = field(default_factory=asyncio.Event)
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    is_whole: bool = False

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        if self.status == 200:
            await self.reads.wait()
        self.pieces.append(message["body"])
        self.is_whole = not message.get("more_body")


@dataclass(kw_only=True)
class Shop:
    """A door, files behind it, and the seconds of its clock."""

    door: LinkDoor
    blobs: LocalBlobStore
    folder: Path
    seconds: list[float]

    async def link(self, content: bytes) -> str:
        digest = (await self.blobs.put(content)).sha256
        return "/out/" + FileLinks(secret=SECRET).token(digest, "image/png", until=NOW + timedelta(hours=1))

    async def ask(self, path: str, caller: Caller | None = None, *, method: str = "GET") -> Caller:
        made = caller or Caller()
        if caller is None:
            made.reads.set()
        await self.door({"type": "http", "method": method, "path": path}, _never, made.send)
        return made

    def begun(self, path: str, count: int) -> tuple[list[Caller], list[asyncio.Task[Caller]]]:
        """Let callers begin who take nothing."""
        callers = [Caller() for _ in range(count)]
        return callers, [asyncio.create_task(self.ask(path, caller)) for caller in callers]


async def _never() -> MutableMapping[str, Any]:
    raise AssertionError("a link has no body")


@asynccontextmanager
async def shop(folder: Path, **limits: Any) -> AsyncIterator[Shop]:
    async def secret() -> bytes:
        return SECRET

    seconds = [1000.0]
    blobs = LocalBlobStore(root=folder)
    await blobs.prepare(now=NOW)
    options = DoorLimits(**limits)
    door = LinkDoor(secret=secret, blobs=blobs, clock=lambda: NOW, limits=options, tick=lambda: seconds[0])
    try:
        yield Shop(door=door, blobs=blobs, folder=folder, seconds=seconds)
    finally:
        blobs.close()


async def started(callers: list[Caller]) -> None:
    while not all(caller.status for caller in callers):  # noqa: ASYNC110 - what is waited for are other callers
        await asyncio.sleep(0.001)


async def test_a_file_goes_out_in_pieces_and_whole(tmp_path: Path) -> None:
    async with shop(tmp_path) as found:
        got = await found.ask(await found.link(LARGE))
        assert (got.status, got.headers["content-length"], got.is_whole) == (200, str(len(LARGE)), True)
        assert b"".join(got.pieces) == LARGE
        assert max(len(piece) for piece in got.pieces) <= CHUNK_BYTES


async def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    async with shop(tmp_path) as found:
        got = await found.ask(await found.link(b""))
        assert (got.status, got.headers["content-length"], got.pieces) == (200, "0", [b""])


async def test_a_file_that_the_disk_damaged_is_cut_off_and_never_whole(tmp_path: Path) -> None:
    async with shop(tmp_path) as found:
        path = await found.link(LARGE)
        (stored,) = (one for one in tmp_path.glob("*/*") if one.stat().st_size == len(LARGE))
        stored.write_bytes(LARGE[:-1] + b"!")
        got = await found.ask(path)
        assert not got.is_whole
        assert len(b"".join(got.pieces)) < len(LARGE)


async def test_one_link_is_given_to_so_many_at_once_and_others_are_free(tmp_path: Path) -> None:
    async with shop(tmp_path, at_once_link=2) as found:
        path, other = await found.link(LARGE), await found.link(b"another")
        callers, tasks = found.begun(path, 2)
        await started(callers)
        assert (await found.ask(path)).status == 429
        assert (await found.ask(other)).status == 200
        for caller in callers:
            caller.reads.set()
        await asyncio.gather(*tasks)
        assert (await found.ask(path)).status == 200


async def test_all_downloads_together_have_an_end(tmp_path: Path) -> None:
    async with shop(tmp_path, at_once=2) as found:
        callers, tasks = found.begun(await found.link(LARGE), 2)
        await started(callers)
        refused = await found.ask(await found.link(b"another"))
        assert (refused.status, refused.headers["retry-after"]) == (429, "5")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (await found.ask(await found.link(b"another"))).status == 200


async def test_a_link_that_is_asked_for_without_end_is_told_to_wait(tmp_path: Path) -> None:
    async with shop(tmp_path, burst=3, per_second=1.0) as found:
        path = await found.link(b"a picture")
        assert [(await found.ask(path)).status for _ in range(5)] == [200, 200, 200, 429, 429]
        found.seconds[0] += 1
        assert (await found.ask(path, method="HEAD")).status == 200


async def test_a_caller_who_takes_nothing_is_left(tmp_path: Path) -> None:
    async with shop(tmp_path, slow=timedelta(milliseconds=20), at_once=1) as found:
        path = await found.link(LARGE)
        slow = await found.ask(path, Caller())
        assert (slow.status, slow.is_whole) == (200, False)
        assert (await found.ask(path)).is_whole
