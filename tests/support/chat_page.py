"""A web chat served here: a real listener and store of dialogues, ports in memory, and pages that say anything."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from form_lab import KeptBlobs
from intake_door import Bench
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from connectors.base import Account
from connectors.sending import ChatLetter, Part
from connectors.webchat.channel import WebchatChannel
from connectors.webchat.settings import WebchatAccountSettings
from daemon.body_budget import BodyBudget
from daemon.dialogues import StoredDialogues
from daemon.routes_desk import AccountRoutesDesk, mounted
from daemon.web import WebServer
from ticket_store.pool import make_pool

ORIGIN = "https://shop.example"
SECRET = "an invented secret of a chat for tests"
ACCOUNT = Account(name="shop", channel="webchat", scope="shop")


def clock() -> datetime:
    return datetime.now(UTC)


async def say(socket: ClientConnection, frame: dict[str, Any]) -> None:
    await socket.send(json.dumps(frame))


async def heard(socket: ClientConnection) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await socket.recv())
    return found


@dataclass(kw_only=True)
class ChatRoom:
    """One chat. `bench.sink.messages` is what was stored, `bench.refused` what was counted as refused."""

    bench: Bench
    channel: WebchatChannel
    http: httpx.AsyncClient

    @asynccontextmanager
    async def socket(self, *, origin: str = ORIGIN) -> AsyncIterator[ClientConnection]:
        """Open a socket that has said nothing."""
        url = f"ws://127.0.0.1:{self.bench.port}/webchat/shop/socket"
        async with connect(url, origin=Origin(origin), max_size=2**20) as socket:
            yield socket

    @asynccontextmanager
    async def page(self, token: str = "", **more: Any) -> AsyncIterator[tuple[ClientConnection, dict[str, Any]]]:
        """Open a page; gives what it is welcomed with, or told instead."""
        async with self.socket() as socket:
            await say(socket, {"t": "hello", "token": token, **more})
            yield socket, await heard(socket)

    async def visitor(self) -> str:
        """Give the token of a new visitor."""
        async with self.page() as (_, welcome):
            return str(welcome["token"])

    async def told(self, token: str = "", **more: Any) -> str:
        """Give why a page is not welcome, or `welcome`."""
        async with self.page(token, **more) as (_, frame):
            return str(frame.get("reason", frame["t"]))

    async def upload(self, content: bytes, token: str, **headers: str) -> httpx.Response:
        """Send a file up."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        proof = {"authorization": f"Bearer {token}", "origin": ORIGIN, "x-file-name": "log.txt"}
        return await self.http.post("/files", content=content, headers={**proof, **named})

    async def fetch(self, path: str, token: str, *, origin: str = ORIGIN) -> httpx.Response:
        """Ask for a file of a line."""
        return await self.http.get(path, headers={"authorization": f"Bearer {token}", "origin": origin})

    async def answer(self, chat: str, text: str, files: list[dict[str, Any]]) -> None:
        """Say something in a dialogue as the way back does."""
        (part,) = self.channel.split(ChatLetter(number=1, to=chat, text=text))
        said = Part(index=0, to=chat, payload={**part.payload, "files": files}, echo=text)
        await self.channel.send(said, content=None, link="")


@asynccontextmanager
async def chat_room(database: str, **settings: Any) -> AsyncIterator[ChatRoom]:
    """Open it on a database."""
    chosen = WebchatAccountSettings.model_validate({"secret": SECRET, "origins": [ORIGIN], **settings})
    channel = WebchatChannel(account=ACCOUNT, settings=chosen)
    blobs = KeptBlobs()
    bench = Bench(connectors={"shop": channel}, blobs=blobs)
    async with make_pool(database, name="chat") as pool:
        channel.use(StoredDialogues(pool=pool, conninfo=database, blobs=blobs, clock=clock))
        url = f"http://127.0.0.1:{bench.port}"
        desk = AccountRoutesDesk(intake=bench.intakes["shop"], public_url=url, clock=clock, uploads=BodyBudget())
        app = mounted({"shop": channel}, lambda _: desk)
        async with (
            WebServer(app=app, host="127.0.0.1", port=bench.port, key="intake.port"),
            httpx.AsyncClient(base_url=f"{url}/webchat/shop") as http,
        ):
            yield ChatRoom(bench=bench, channel=channel, http=http)
