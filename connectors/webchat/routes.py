"""Routes of a web chat: the widget, its socket, files both ways. Another site's page is refused before it is heard."""

import asyncio
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from connectors.base import Account, LaterError, RefusedError, RoutesDesk
from connectors.dialogue import Dialogues
from connectors.making import conversation_digest
from connectors.page_http import STRICT, FullError, Uploads, caller, download, later
from connectors.page_hub import Hub
from connectors.page_tokens import Tokens
from connectors.webchat.limits import ChatLimits
from connectors.webchat.session import AGAIN, ChatMeans, Session
from connectors.webchat.settings import WebchatAccountSettings
from connectors.webchat.visitors import Visitors
from schemas.callers import counted

WIDGET: Final = Path(__file__).with_name("widget.js")
TOO_LARGE: Final = "This file is larger than 20 MiB and was not sent."
_Answer = Callable[[Request, str], Awaitable[Response]]
_REFUSED: Final = PlainTextResponse("refused\n", 403, STRICT)


def chat_routes(
    account: Account, settings: WebchatAccountSettings, desk: RoutesDesk, dialogues: Dialogues
) -> Sequence[BaseRoute]:
    """Give the routes of one account."""
    tokens = Tokens(secret=settings.secret.get_secret_value(), account=account.name)
    hub = Hub(dialogues=dialogues)
    means = ChatMeans(
        account=account,
        desk=desk,
        dialogues=dialogues,
        tokens=tokens,
        visitors=Visitors(
            tokens=tokens, life=timedelta(days=settings.token_days), random=lambda: secrets.token_hex(16)
        ),
        limits=ChatLimits(settings),
        hub=hub,
    )
    dialogues.listen(hub.hint)
    pages = _Pages(means=means, settings=settings)
    return (
        Route("/widget.js", pages.widget, methods=["GET"]),
        WebSocketRoute("/socket", pages.socket),
        Route("/files", pages.upload, methods=["POST", "OPTIONS"]),
        Route("/files/{line:int}/{place:int}", pages.download, methods=["GET", "OPTIONS"]),
    )


class _Pages:
    """What the routes do."""

    def __init__(self, *, means: ChatMeans, settings: WebchatAccountSettings) -> None:
        self._means = means
        self._settings = settings
        self._origins = frozenset(settings.origins)
        self._script = _script(settings)
        self._mark = f'"{sha256(self._script).hexdigest()[:32]}"'
        self._uploads = Uploads(desk=means.desk, tokens=means.tokens, too_large=self._too_large)

    async def widget(self, request: Request) -> Response:
        """Give the script; browsers ask every five minutes whether it has changed."""
        headers = {"etag": self._mark, "cache-control": "public, max-age=300", **STRICT}
        if request.headers.get("if-none-match") == self._mark:
            return Response(None, 304, headers)
        return Response(self._script, 200, headers, "text/javascript")

    async def socket(self, socket: WebSocket) -> None:
        """Serve one page."""
        means, limits = self._means, self._means.limits
        if socket.headers.get("origin", "") not in self._origins:
            means.desk.refused("origin")
            await socket.close()
            return
        address = caller(socket, behind_proxy=self._settings.behind_proxy)
        whose = counted(address)
        is_full = limits.hello(whose, at=asyncio.get_running_loop().time()) > 0
        if is_full or not limits.sockets.sit(whose):
            means.desk.refused("sockets")
            await socket.accept()
            await socket.send_text(json.dumps({"t": "bye", "reason": "full"}))
            await socket.close(AGAIN, "full")
            return
        try:
            await socket.accept()
            await Session(means=means, socket=socket, address=address).run()
        finally:
            limits.sockets.leave(whose)

    async def upload(self, request: Request) -> Response:
        """Take a file of a visitor."""
        return await self._answered(request, self._take)

    async def download(self, request: Request) -> Response:
        """Hand out a file of a line, to the visitor of its dialogue."""
        return await self._answered(request, self._hand_out)

    async def _answered(self, request: Request, answer: _Answer) -> Response:
        """Check origin and token, and put on what the visitor's browser asks for (CORS)."""
        origin = request.headers.get("origin", "")
        if origin not in self._origins:
            self._means.desk.refused("origin")
            return _REFUSED
        if request.method == "OPTIONS":
            response = Response(None, 204)
        else:
            try:
                response = await answer(request, self._chat(request))
            except RefusedError:
                self._means.desk.refused("forged")
                response = PlainTextResponse("refused\n", 401, STRICT)
            except LaterError:
                response = later()
        response.headers.update(_cors(origin))
        return response

    def _chat(self, request: Request) -> str:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            raise RefusedError("no token")
        return self._means.visitors.chat_of(token, now=self._means.desk.now())

    async def _take(self, request: Request, chat: str) -> Response:
        limits = self._means.limits
        address = counted(caller(request, behind_proxy=self._settings.behind_proxy))
        if limits.file(chat, address, at=asyncio.get_running_loop().time()) or not limits.uploads.sit(address):
            self._means.desk.refused("rate")
            return PlainTextResponse("later\n", 429, {"retry-after": "5", **STRICT})
        try:
            return await self._uploads.take(request, chat, address)
        except FullError as error:
            return PlainTextResponse("later\n", 429, {"retry-after": str(round(error.after) + 1), **STRICT})
        finally:
            limits.uploads.leave(address)

    async def _hand_out(self, request: Request, chat: str) -> Response:
        digest = conversation_digest(self._means.account, chat)
        line = await self._means.dialogues.line(digest, request.path_params["line"])
        place = request.path_params["place"]
        if line is None or place >= len(line.files):
            return PlainTextResponse("not found\n", 404, STRICT)
        file = line.files[place]
        return download(await self._means.dialogues.file(file["sha256"]), str(file["name"]))

    def _too_large(self) -> str:
        return f"{TOO_LARGE} {self._settings.too_large}".strip() + "\n"


def _script(settings: WebchatAccountSettings) -> bytes:
    """Give the widget with what the account says in it."""
    facts = json.dumps({"title": settings.title, "tooLarge": settings.too_large}, ensure_ascii=False)
    harmless = facts.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return WIDGET.read_text(encoding="utf-8").replace("/*ACCOUNT*/ {}", harmless).encode()


def _cors(origin: str) -> dict[str, str]:
    return {
        "access-control-allow-origin": origin,
        "access-control-allow-headers": "authorization, content-type, x-file-name",
        "access-control-allow-methods": "GET, POST",
        "access-control-max-age": "600",
        "vary": "origin",
    }
