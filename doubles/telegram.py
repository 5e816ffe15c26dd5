"""The Bot API over HTTP on loopback: methods, long poll, webhook, files, and what goes wrong there.

Faults: `outage` answers 502; `swallow` does so many next sends and never answers; `floods` are Retry-After seconds for
the next calls; `garbled` are answers in place of JSON; `refusals` are (code, description, parameters) of next sends,
and None lets one through.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from doubles.loopback import LoopbackServer
from doubles.ports import free_port
from doubles.telegram_sending import RefusedCallError, contents
from doubles.telegram_world import BOT, World

MAX_DOWNLOAD = 20 << 20
HELD = 50
AGAIN = 0.5
"""Seconds within which the same offset gives one update alone."""
WEBHOOK = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
OTHER = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
Method = Callable[[dict[str, Any], dict[str, bytes]], Awaitable[Response]]


@dataclass(kw_only=True)
class TelegramDouble:
    """One bot at Telegram. `calling` are calls of the webhook that wait for their answer."""

    token: str
    port: int = field(default_factory=free_port)
    world: World = field(default_factory=World)
    webhook: str = ""
    secret: str = ""
    sent: list[tuple[str, dict[str, Any], dict[str, bytes]]] = field(default_factory=list)
    polls: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    outage: bool = False
    swallow: int = 0
    floods: list[int] = field(default_factory=list)
    garbled: list[bytes] = field(default_factory=list)
    refusals: list[tuple[int, str, Mapping[str, Any] | None] | None] = field(default_factory=list)
    pause: float = 0.1
    calling: int = 0
    _poll: int = 0
    _last: tuple[int, float] = (0, 0.0)
    _server: LoopbackServer | None = None
    _pusher: threading.Thread | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def base_url(self) -> str:
        """Where the Bot API is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen, and call the webhook."""
        routes = [
            Route("/bot{token}/{method}", self._call, methods=["GET", "POST"]),
            Route("/file/bot{token}/{path:path}", self._file, methods=["GET"]),
        ]
        self._server = LoopbackServer(routes=routes, port=self.port)
        self._server.start()
        self._pusher = threading.Thread(target=self._push, daemon=True)
        self._pusher.start()

    def stop(self) -> None:
        """Be gone."""
        self._ended.set()
        if self._server is not None:
            self._server.stop()
        if self._pusher is not None:
            self._pusher.join(10)

    def _push(self) -> None:
        """Call the webhook with one update after the other, each until it is taken."""
        while not self._ended.wait(0.02):
            waiting = self.world.queue[:1] if self.webhook else []
            for update_id, _, content in waiting:
                status, wish = self.deliver(json.dumps(content, ensure_ascii=False).encode())
                self.answers.append(status)
                if httpx.codes.is_success(status):
                    self.world.confirm(update_id + 1)
                else:
                    self._ended.wait(min(wish, 1.0) or self.pause)

    def deliver(self, raw: bytes, *, secret: str | None = None) -> tuple[int, float]:
        """Call the webhook once; gives the status, 0 when nobody answers, and the wish of Retry-After."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.secret if secret is None else secret}
        self.calling += 1
        try:
            found = httpx.post(
                self.webhook, content=raw, headers={**headers, "Content-Type": "application/json"}, timeout=10
            )
        except httpx.HTTPError:
            return 0, 0.0
        finally:
            self.calling -= 1
        return found.status_code, float(found.headers.get("retry-after", 0))

    async def _call(self, request: Request) -> Response:
        data, files = await _read(request)
        method = request.path_params["method"]
        try:
            self._check(request.path_params["token"])
            called: Method | None = getattr(self, f"_on_{method.lower()}", None)
            return await called(data, files) if called else await self._send(method, data, files)
        except RefusedCallError as error:
            told = {"ok": False, "error_code": error.code, "description": str(error)}
            parameters = {"parameters": dict(error.parameters)} if error.parameters else {}
            return JSONResponse({**told, **parameters}, status_code=error.code)

    def _check(self, token: str) -> None:
        if self.outage:
            raise RefusedCallError(502, "Bad Gateway")
        if token != self.token:
            raise RefusedCallError(401, "Unauthorized")
        if self.floods:
            wish = self.floods.pop(0)
            raise RefusedCallError(429, f"Too Many Requests: retry after {wish}", {"retry_after": wish})

    async def _on_getme(self, data: dict[str, Any], files: dict[str, bytes]) -> Response:
        del data, files
        return _ok(result=BOT)

    async def _on_setwebhook(self, data: dict[str, Any], files: dict[str, bytes]) -> Response:
        del files
        url = data.get("url", "")
        if url and not url.startswith(("https://", "http://127.0.0.1:")):
            raise RefusedCallError(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook")
        self.webhook, self.secret = url, data.get("secret_token", "")
        self._allow(data)
        return _ok(result=True)

    async def _on_deletewebhook(self, data: dict[str, Any], files: dict[str, bytes]) -> Response:
        del data, files
        self.webhook = ""
        return _ok(result=True)

    async def _on_getupdates(self, data: dict[str, Any], files: dict[str, bytes]) -> Response:
        del files
        self.polls.append(data)
        if self.webhook:
            raise RefusedCallError(409, WEBHOOK)
        if self.garbled:
            return Response(self.garbled.pop(0), media_type="application/json")
        self._allow(data)
        self._poll += 1
        mine, offset = self._poll, int(data.get("offset", 0))
        self.world.confirm(offset)
        limit = 1 if self._again(offset) else max(1, min(int(data.get("limit", 100)), 100))
        until = asyncio.get_running_loop().time() + min(int(data.get("timeout", 0)), HELD)
        while not self.world.queue and asyncio.get_running_loop().time() < until and not self._ended.is_set():
            await asyncio.sleep(0.02)
            if mine != self._poll:
                raise RefusedCallError(409, OTHER)
        return _ok(result=self.world.waiting(limit))

    def _again(self, offset: int) -> bool:
        """Say whether the same offset was asked for within half a second."""
        at = asyncio.get_running_loop().time()
        before, self._last = self._last, (offset, at)
        return before[0] == offset and at - before[1] < AGAIN and bool(self.world.queue)

    def _allow(self, data: Mapping[str, Any]) -> None:
        if "allowed_updates" in data:
            self.world.allowed = frozenset(json.loads(data["allowed_updates"])) or None

    async def _on_getfile(self, data: dict[str, Any], files: dict[str, bytes]) -> Response:
        del files
        found = self.world.files.get(data.get("file_id", ""))
        if found is None:
            raise RefusedCallError(400, "Bad Request: invalid file_id")
        if found.size > MAX_DOWNLOAD:
            raise RefusedCallError(400, "Bad Request: file is too big")
        told = {"file_id": data["file_id"], "file_unique_id": "u", "file_size": found.size, "file_path": found.path}
        return _ok(result=told)

    async def _file(self, request: Request) -> Response:
        found = next((file for file in self.world.files.values() if file.path == request.path_params["path"]), None)
        if found is None or request.path_params["token"] != self.token or self.outage:
            return Response(status_code=404)

        async def pieces() -> AsyncIterator[bytes]:
            await asyncio.sleep(found.slow)
            yield found.content[: len(found.content) // 2]
            if not found.cut:
                yield found.content[len(found.content) // 2 :]

        return StreamingResponse(pieces(), headers={"content-length": str(len(found.content))})

    async def _send(self, method: str, data: dict[str, Any], files: dict[str, bytes]) -> Response:
        if not method.startswith("send"):
            raise RefusedCallError(404, "Not Found")
        if self.refusals and (refusal := self.refusals.pop(0)) is not None:
            raise RefusedCallError(*refusal)
        chat = int(data.get("chat_id", 0))
        _may_send(self.world, chat)
        made = contents(method, data, files)
        self.sent.append((method, data, files))
        messages = [self.world.message(chat, BOT, content) for content in made]
        if self.swallow:
            self.swallow -= 1
            await asyncio.sleep(5)
        return _ok(result=messages if method == "sendMediaGroup" else messages[0])


def _may_send(world: World, chat: int) -> None:
    state = world.state.get(chat, "")
    if state == "blocked":
        raise RefusedCallError(403, "Forbidden: bot was blocked by the user")
    if state == "deactivated":
        raise RefusedCallError(403, "Forbidden: user is deactivated")
    if state.startswith("moved:"):
        moved = {"migrate_to_chat_id": int(state.partition(":")[2])}
        raise RefusedCallError(400, "Bad Request: group chat was upgraded to a supergroup chat", moved)
    if chat not in world.chats:
        raise RefusedCallError(400, "Bad Request: chat not found")


async def _read(request: Request) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Read a form, urlencoded or in parts."""
    body, kind = await request.body(), request.headers.get("content-type", "")
    if not kind.startswith("multipart/"):
        return dict(parse_qsl(body.decode(), keep_blank_values=True)) | dict(request.query_params), {}
    data: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    parsed = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    for part in parsed.walk():
        if part.is_multipart():
            continue
        name = str(part.get_param("name", header="content-disposition"))
        content = _bytes(part)
        if part.get_filename() is None:
            data[name] = content.decode()
        else:
            files[name], data["filename"] = content, part.get_filename()
    return data, files


def _bytes(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    return content if isinstance(content, bytes) else b""


def _ok(*, result: object) -> Response:
    return Response(json.dumps({"ok": True, "result": result}), media_type="application/json")


@contextmanager
def telegram_double(token: str) -> Iterator[TelegramDouble]:
    """Run a double."""
    made = TelegramDouble(token=token)
    made.start()
    try:
        yield made
    finally:
        with suppress(RuntimeError):
            made.stop()
