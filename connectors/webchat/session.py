"""One open socket, from the first frame to the last. A message is acknowledged after it is stored, never before."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from connectors.base import Account, Delivery, LaterError, RefusedError, RoutesDesk
from connectors.dialogue import Dialogues
from connectors.making import conversation_digest
from connectors.page_http import handled, refused_files
from connectors.page_hub import Hub
from connectors.page_lines import line_facts, own_facts, shown
from connectors.page_tokens import ExpiredError, Tokens
from connectors.tolerant import items, text_of, whole
from connectors.webchat.frames import (
    MOST_FRAME,
    MOST_LETTERS,
    BadFrameError,
    Hello,
    client_id,
    frame,
    hello,
    read,
)
from connectors.webchat.limits import ChatLimits
from connectors.webchat.visitors import Visitor, Visitors
from schemas.callers import counted

HELLO_SECONDS: Final = 10.0
HEARTBEAT: Final = 25
"""Seconds between two pings of the page."""
SILENCE_SECONDS: Final = 70.0
"""A page that said nothing for so long is gone."""
SLOW_SECONDS: Final = 10.0
"""A page that does not read what it is sent for so long is gone."""
MOST_LINES: Final = 100
RETRY: Final = 5
PATIENCE: Final = 60.0
"""Seconds in which nothing goes before a message that was told to come later: what was written first stands first."""

POLICY: Final = 1008
TOO_BIG: Final = 1009
AGAIN: Final = 1013


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatMeans:
    """What all sockets of an account share."""

    account: Account
    desk: RoutesDesk
    dialogues: Dialogues
    tokens: Tokens
    visitors: Visitors
    limits: ChatLimits
    hub: Hub


class ByeError(Exception):
    """The socket is closed; `reason` is a word that the widget knows."""

    def __init__(self, reason: str, code: int = POLICY) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code


class Session:
    """One socket. Meets `page_hub.Open`; `shown` is the last line that the page was sent."""

    def __init__(self, *, means: ChatMeans, socket: WebSocket, address: str) -> None:
        self.digest = ""
        self.shown = 0
        self._means = means
        self._socket = socket
        self._address = address
        self._visitor = Visitor(chat="", token="")
        self._page = ""
        self._language = ""
        self._refreshing = False
        self._again = False
        self._waited_for = ("", 0.0)

    async def run(self) -> None:
        """Serve the page until it goes, or must."""
        try:
            await self._enter(hello(await self._next(HELLO_SECONDS)))
            while True:
                await self._take(await self._next(SILENCE_SECONDS))
        except ByeError as error:
            await self._bye(error.reason, error.code)
        except BadFrameError:
            self._means.desk.refused("bad_frame")
            await self._bye("frame", POLICY)
        except TimeoutError:
            await self._bye("silent", AGAIN)
        except (WebSocketDisconnect, RuntimeError):
            pass  # the page went while it was sent something
        finally:
            self._means.hub.leave(self)

    def poke(self) -> None:
        """Send what is new, once at a time."""
        if self._refreshing:
            self._again = True
            return
        self._refreshing = True
        self._means.hub.start(self._refresh())

    async def tell(self, text: str) -> None:
        """Send a frame from beside; a page that does not read is closed."""
        try:
            async with asyncio.timeout(SLOW_SECONDS):
                await self._socket.send_text(text)
        except TimeoutError:
            await self._bye("slow", AGAIN)
        except (WebSocketDisconnect, RuntimeError):
            pass  # it went; its own task sees that, too

    async def _next(self, seconds: float) -> Mapping[str, Any]:
        async with asyncio.timeout(seconds):
            message = await self._socket.receive()
        if message["type"] != "websocket.receive":
            raise WebSocketDisconnect
        text = message.get("text")
        if text is None:
            raise BadFrameError
        if len(text) > MOST_FRAME or (not text.isascii() and len(text.encode("utf-8", "replace")) > MOST_FRAME):
            self._means.desk.refused("frame_too_large")
            raise ByeError("too_big", TOO_BIG)
        return read(text)

    async def _enter(self, found: Hello) -> None:
        means = self._means
        try:
            self._visitor = means.visitors.enter(found, now=means.desk.now())
        except ExpiredError:
            raise ByeError("expired") from None
        except RefusedError:
            means.desk.refused("forged")
            raise ByeError("forged") from None
        self._page, self._language = found.page, found.language
        self.digest = conversation_digest(means.account, self._visitor.chat)
        means.hub.enter(self)
        try:
            await self._welcome(found.line)
        except LaterError:
            raise ByeError("later", AGAIN) from None

    async def _welcome(self, seen: int | None) -> None:
        """Send where the dialogue stands: what came since `seen`, or for a page that has nothing the latest."""
        means, visitor = self._means, self._visitor
        own, lines = [], []
        if not visitor.is_new:
            if seen is None:
                own = [own_facts(words) for words in await means.dialogues.own(self.digest, most=MOST_LINES)]
                lines = list(await means.dialogues.last(self.digest, most=MOST_LINES))
            else:
                lines = list(await means.dialogues.after(self.digest, seen, most=MOST_LINES))
        self.shown = lines[-1].line if lines else (seen or 0)
        await self._socket.send_text(
            frame(
                "welcome",
                token=visitor.token,
                chat=self.digest[:16],
                beat=HEARTBEAT,
                lines=[line_facts(found) for found in lines],
                own=own,
            )
        )
        if len(lines) == MOST_LINES:
            self.poke()

    async def _refresh(self) -> None:
        try:
            while True:
                self._again = False
                lines = await self._means.dialogues.after(self.digest, self.shown, most=MOST_LINES)
                for found in lines:
                    if found.line > self.shown:
                        self.shown = found.line
                        await self.tell(frame("line", **line_facts(found)))
                if not self._again and len(lines) < MOST_LINES:
                    return
        except LaterError:
            return  # the next look of the hub finds it
        finally:
            self._refreshing = False

    async def _take(self, found: Mapping[str, Any]) -> None:
        kind, now = found.get("t"), asyncio.get_running_loop().time()
        if self._means.limits.frame(self._visitor.chat, at=now):
            self._means.desk.refused("flood")
            raise ByeError("flood")
        if kind == "ping":
            await self._socket.send_text(frame("pong"))
        elif kind == "say":
            await self._say(found)
        elif kind == "turn":
            await self._turn(found)
        elif kind in ("got", "seen"):
            await self._receipt(str(kind), found)
        else:
            raise BadFrameError

    async def _say(self, found: Mapping[str, Any]) -> None:
        name, text = client_id(found), text_of(found.get("text"), MOST_FRAME)
        try:
            files = handled(
                self._means.tokens, self._visitor.chat, items(found.get("files")), now=self._means.desk.now()
            )
        except RefusedError:
            await self._socket.send_text(frame("refused", id=name, reason="file"))
            return
        refused = refused_files(found.get("refused"))
        if len(text) > MOST_LETTERS or not (text.strip() or files or refused):
            await self._socket.send_text(frame("refused", id=name, reason="long" if text else "empty"))
            return
        if await self._store("say", {"id": name, "text": text, "files": files, "refused": refused}, name):
            own = {
                "id": name,
                "text": text,
                "at": self._means.desk.now().isoformat(),
                "files": shown([*files, *refused]),
            }
            for other in self._means.hub.beside(self):
                if isinstance(other, Session):
                    self._means.hub.start(other.tell(frame("own", **own)))

    async def _turn(self, found: Mapping[str, Any]) -> None:
        name = client_id(found)
        await self._store("turn", {"id": name, "email": text_of(found.get("email"), 320)}, name)

    async def _receipt(self, kind: str, found: Mapping[str, Any]) -> None:
        """Store how far the page has come; what is lost here is said again with the next line."""
        number = whole(found.get("line"))
        if not number or number > self.shown:
            raise BadFrameError
        with suppress(LaterError):
            await self._means.desk.accept((self._delivery(kind, {"line": number}),))

    async def _store(self, kind: str, facts: Mapping[str, Any], name: str) -> bool:
        means, now = self._means, asyncio.get_running_loop().time()
        first, until = self._waited_for
        if first not in ("", name) and now < until:
            await self._later(name, RETRY)
            return False
        wait = means.limits.message(self._visitor.chat, counted(self._address), at=now)
        if wait:
            means.desk.refused("rate")
            self._wait_for(name)
            await self._later(name, round(wait, 1) + 0.1, why="rate")
            return False
        try:
            await means.desk.accept((self._delivery(kind, facts),))
        except LaterError:
            self._wait_for(name)
            await self._later(name, RETRY)
            return False
        self._waited_for = ("", 0.0)
        await self._socket.send_text(frame("ack", id=name, at=means.desk.now().isoformat()))
        return True

    def _wait_for(self, name: str) -> None:
        """Let nothing go before a message, from now on: it may have taken as long as `PATIENCE` to fail."""
        self._waited_for = (name, asyncio.get_running_loop().time() + PATIENCE)

    async def _later(self, name: str, after: float, **more: str) -> None:
        await self._socket.send_text(frame("later", id=name, after=after, **more))

    def _delivery(self, kind: str, facts: Mapping[str, Any]) -> Delivery:
        visitor = self._visitor
        known = {"user": visitor.user, "name": visitor.name, "page": self._page, "language": self._language}
        made = {"t": kind, "chat": visitor.chat, **facts, **{key: value for key, value in known.items() if value}}
        return Delivery(
            account=self._means.account,
            raw=json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"),
            received_at=self._means.desk.now(),
            intake="socket",
            peer=self._address,
            tls=self._socket.url.scheme == "wss",
        )

    async def _bye(self, reason: str, code: int) -> None:
        if self._socket.application_state is not WebSocketState.CONNECTED:
            return
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(1):
                await self._socket.send_text(frame("bye", reason=reason))
                await self._socket.close(code, reason)
