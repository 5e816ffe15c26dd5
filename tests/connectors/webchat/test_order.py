"""What a visitor writes is stored in the order in which it was written, also when some of it has to come again."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from chat_page import ORIGIN, heard, say
from routing_lab import open_lab
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from connectors.base import Account, Delivery, LaterError
from connectors.webchat.channel import WebchatChannel
from connectors.webchat.settings import WebchatAccountSettings
from daemon.dialogues import StoredDialogues
from daemon.web import WebServer
from doubles.ports import free_port
from schemas.message import BlobRef
from ticket_store.blobs_local import LocalBlobStore

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)


@dataclass
class Desk:
    """What the routes have of the daemon, with a bus that does not take the next `refuses` messages.

    It says so after `slow` seconds.
    """

    url: str = "http://127.0.0.1"
    refuses: int = 0
    slow: float = 0.0
    taken: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return NOW

    def check(self) -> None:
        """Take everything."""

    async def accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        if self.refuses:
            self.refuses -= 1
            await asyncio.sleep(self.slow)
            raise LaterError("the bus is down")
        self.taken += [json.loads(delivery.raw)["id"] for delivery in deliveries]
        return ()

    async def put(self, content: bytes) -> BlobRef:
        raise AssertionError(f"no file of {len(content)} bytes was sent")

    def hold(self) -> AbstractContextManager[Callable[[int], None]]:
        raise AssertionError("no file was sent")

    def refused(self, reason: str) -> None:
        """Count nothing."""

    def well(self) -> None:
        """Say nothing."""

    def trouble(self, problem: str) -> None:
        """Say nothing."""


@asynccontextmanager
async def page(database: str, tmp: Any, desk: Desk, **limits: int) -> AsyncIterator[ClientConnection]:
    given = {"secret": "an invented secret of a chat for tests", "origins": [ORIGIN], **limits}
    settings = WebchatAccountSettings.model_validate(given)
    channel = WebchatChannel(account=Account(name="shop", channel="webchat", scope="shop"), settings=settings)
    port, blobs = free_port(), LocalBlobStore(root=tmp)
    async with open_lab(database) as lab:
        channel.use(StoredDialogues(pool=lab.pool, conninfo=database, blobs=blobs, clock=desk.now))
        app = Starlette(routes=list(channel.routes(desk)))
        async with (
            WebServer(app=app, host="127.0.0.1", port=port, key="intake.port"),
            connect(f"ws://127.0.0.1:{port}/socket", origin=Origin(ORIGIN)) as socket,
        ):
            await say(socket, {"t": "hello"})
            assert (await heard(socket))["t"] == "welcome"
            yield socket
    blobs.close()


async def write(socket: ClientConnection, *names: str) -> list[str]:
    """Write without waiting for answers, and give what each was answered."""
    for name in names:
        await say(socket, {"t": "say", "id": name, "text": f"words of {name}"})
    answers = [await heard(socket) for _ in names]
    assert [answer["id"] for answer in answers] == list(names)
    return [answer["t"] for answer in answers]


async def test_what_comes_after_a_message_that_was_not_stored_is_not_stored_before_it(
    database: str, tmp_path: Any
) -> None:
    desk = Desk(refuses=1)
    async with page(database, tmp_path, desk) as socket:
        assert await write(socket, "a", "b", "c") == ["later", "later", "later"]
        assert await write(socket, "a", "b", "c") == ["ack", "ack", "ack"]
    assert desk.taken == ["a", "b", "c"]


async def test_a_message_that_took_long_to_fail_is_waited_for_from_then_on(
    database: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.webchat.session.PATIENCE", 1.0)
    desk = Desk(refuses=1, slow=1.1)  # as when the process stood still
    async with page(database, tmp_path, desk) as socket:
        assert await write(socket, "a", "b", "c") == ["later", "later", "later"]
        assert await write(socket, "a", "b", "c") == ["ack", "ack", "ack"]
    assert desk.taken == ["a", "b", "c"]


async def test_a_visitor_who_is_too_fast_is_not_mixed_up(database: str, tmp_path: Any) -> None:
    desk = Desk()
    names = [f"m{number}" for number in range(14)]
    async with page(database, tmp_path, desk, messages_per_minute=600) as socket:
        waiting = names
        while waiting:
            answers = await write(socket, *waiting)
            waiting = [name for name, answer in zip(waiting, answers, strict=True) if answer == "later"]
            await asyncio.sleep(0.2 if waiting else 0)  # as the page was told
    assert desk.taken == names


async def test_a_page_that_comes_anew_begins_anew(database: str, tmp_path: Any) -> None:
    desk = Desk(refuses=1)
    async with page(database, tmp_path, desk) as socket:
        assert await write(socket, "a") == ["later"]
        await say(socket, {"t": "ping"})
        assert (await heard(socket))["t"] == "pong"
    async with page(database, tmp_path, desk) as socket:
        assert await write(socket, "b") == ["ack"]
