"""The endpoint of a form: begin, send, and go on in the dialogue. JSON in and out; files by themselves.

    POST /api/start   {link, client}                        200 {stamp, after}
    POST /api/send    {text, subject, name ..., files ...}  202 {dialogue, page, receipt, ticket}
    GET  /api/lines   ?after=N&wait=1                       200 {lines, own, ticket, receipt}
    POST /api/say     {id, text, files, refused}            202 {at}
    POST /api/seen    {line}                                204
    POST /api/files   the bytes                             201 what stands for the file
    GET  /api/files/LINE/PLACE                              200 the bytes

A dialogue's own calls carry `Authorization: Bearer <dialogue>`; `send`, and files that come before it, the stamp: who
proves nothing is refused before more than 2 KiB of a body are read. A request is acknowledged after it is stored, never
before, and the same request again is answered with the same dialogue.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from connectors.base import Account, Delivery, LaterError, RefusedError, RoutesDesk
from connectors.dialogue import Dialogues
from connectors.making import conversation_digest
from connectors.page_http import STRICT, FullError, Uploads, bounded, caller, download, handled, refused_files
from connectors.page_hub import Hub
from connectors.page_lines import line_facts, own_facts
from connectors.page_tokens import ExpiredError, Tokens
from connectors.tolerant import items, text_of, whole
from connectors.webform.limits import Asking, FormLimits
from connectors.webform.links import Handed, Pass
from connectors.webform.requests import (
    MOST_BODY,
    MOST_LETTERS,
    FormRequest,
    SayNoError,
    check_words,
    read_json,
    read_request,
)
from connectors.webform.settings import WebformAccountSettings
from connectors.webform.waiting import MOST_LINES, Waiter, news
from schemas.callers import counted
from schemas.dialogue_rows import DialogueLine, FormLink
from schemas.numbers import shown

BODY_SECONDS: Final = 20.0
MOST_START: Final = 2048
"""Bytes of what a page begins with."""
MOST_NAME: Final = 64
"""Letters of a page's name of a message."""
MOST_DIGITS: Final = 15
KEEP_NOTHING: Final = {**STRICT, "cache-control": "no-store"}
TOO_LARGE: Final = "This file is larger than 20 MiB and was not sent."


@dataclass(frozen=True, slots=True, kw_only=True)
class FormMeans:
    """What all routes of an account share."""

    account: Account
    settings: WebformAccountSettings
    desk: RoutesDesk
    dialogues: Dialogues
    tokens: Tokens
    handed: Handed


class Endpoint:
    """What the calls do. All raise `SayNoError`, `RefusedError`, `LaterError`, `TooLargeError` and `TimeoutError`."""

    def __init__(self, *, means: FormMeans, limits: FormLimits, hub: Hub) -> None:
        self._means = means
        self._limits = limits
        self._hub = hub
        self._uploads = Uploads(desk=means.desk, tokens=means.tokens, too_large=self._too_large)

    async def start(self, request: Request) -> Response:
        """Begin a request: what the page is given proves later when it began."""
        means = self._means
        facts = read_json(await bounded(request, most=MOST_START, seconds=BODY_SECONDS))
        link = await self.open_link(means.handed.link_id(text_of(facts.get("link"), 200)))
        stamp = means.handed.stamp(link.id, text_of(facts.get("client"), 100), now=means.desk.now())
        return _json({"stamp": stamp, "after": means.settings.least_seconds})

    async def send(self, request: Request) -> Response:
        """Take a form that was sent, after it is stored."""
        means, now = self._means, self._means.desk.now()
        stamp = means.handed.read_stamp(bearer(request), now=now)
        raw = await bounded(request, most=MOST_BODY, seconds=BODY_SECONDS)
        found = read_request(raw, asked=means.settings.ask)
        self._is_person(found, (now - stamp.at).total_seconds())
        link = await self.open_link(stamp.link)
        person = {key: value for key, value in found.person.items() if not getattr(link, key, "")}
        found.check([name for name in means.settings.needed if not getattr(link, name, "")])
        files = self._files(stamp.chat, found.files)
        asking = Asking(address=self._address(request), link=link.id, chat=stamp.chat, name=found.name(files))
        facts = {
            "id": asking.name,
            "form": _of_link(link),
            "person": person,
            "subject": found.subject,
            "text": found.text,
            "files": files,
            "refused": list(found.refused),
            "language": found.language,
            "page": found.page,
        }
        with self._limits.request(asking, at=asyncio.get_running_loop().time()) as wait:
            self._not_too_often(wait)
            await means.desk.accept((self._delivery(request, "form", stamp.chat, facts),))
        token = means.handed.dialogue(stamp)
        digest = conversation_digest(means.account, stamp.chat)
        answer = {"dialogue": token, "page": f"{means.desk.url}/dialogue#{token}", "receipt": digest[:16]}
        return _json({**answer, "ticket": await self._ticket(digest)}, 202)

    async def lines(self, request: Request) -> Response:
        """Give what is new in a dialogue, or all of it to a page that shows nothing yet."""
        means, holder = self._means, self._holder(request)
        digest = conversation_digest(means.account, holder.chat)
        after, own = whole_text(request.query_params.get("after")), []
        lines: Sequence[DialogueLine]
        if after is None:
            own = [own_facts(words) for words in await means.dialogues.own(digest, most=MOST_LINES)]
            lines = await means.dialogues.last(digest, most=MOST_LINES)
        else:
            lines = await self._after(request, digest, after)
        facts = {"lines": [line_facts(line) for line in lines], "own": own}
        return _json({**facts, "receipt": digest[:16], "ticket": await self._ticket(digest)})

    async def say(self, request: Request) -> Response:
        """Take a further message of a dialogue's person, after it is stored."""
        means, holder = self._means, self._holder(request)
        facts = read_json(await bounded(request, most=MOST_BODY, seconds=BODY_SECONDS))
        name, text = text_of(facts.get("id"), MOST_NAME + 1), text_of(facts.get("text"), MOST_LETTERS + 1)
        if not MOST_NAME >= len(name) > 0 or not name.isascii() or not name.isprintable():
            raise SayNoError(400, "form")
        files, refused = self._files(holder.chat, items(facts.get("files"))), refused_files(facts.get("refused"))
        check_words(text, has_files=bool(files or refused))
        with self._limits.message(holder.chat, at=asyncio.get_running_loop().time()) as wait:
            self._not_too_often(wait)
            link = await means.dialogues.link(means.account.name, holder.link)
            said = {"id": name, "form": _of_link(link), "text": text, "files": files, "refused": refused}
            await means.desk.accept((self._delivery(request, "say", holder.chat, said),))
        return _json({"at": means.desk.now().isoformat()}, 202)

    async def seen(self, request: Request) -> Response:
        """Take how far the person has read."""
        means, holder = self._means, self._holder(request)
        facts = read_json(await bounded(request, most=MOST_BODY, seconds=BODY_SECONDS))
        number, digest = whole(facts.get("line")), conversation_digest(means.account, holder.chat)
        if not number or number > (await means.dialogues.standing([digest])).get(digest, 0):
            raise SayNoError(400, "form")
        await means.desk.accept((self._delivery(request, "seen", holder.chat, {"line": number}),))
        return Response(None, 204, KEEP_NOTHING)

    async def upload(self, request: Request) -> Response:
        """Take a file, before the message with it."""
        address, chat = self._address(request), await self._uploader(request)
        wait = self._limits.file(address, at=asyncio.get_running_loop().time())
        self._not_too_often(wait or (0 if self._limits.uploads.sit(address) else 5))
        try:
            return await self._uploads.take(request, chat, address)
        except FullError as error:
            raise SayNoError(429, "rate", after=round(error.after, 1) + 0.1) from error
        finally:
            self._limits.uploads.leave(address)

    async def hand_out(self, request: Request) -> Response:
        """Hand out a file of a line, to the person of its dialogue."""
        digest = conversation_digest(self._means.account, self._holder(request).chat)
        place = request.path_params["place"]
        line = await self._means.dialogues.line(digest, request.path_params["line"])
        if line is None or place >= len(line.files):
            return PlainTextResponse("not found\n", 404, STRICT)
        file = line.files[place]
        return download(await self._means.dialogues.file(file["sha256"]), str(file["name"]))

    async def open_link(self, link_id: str) -> FormLink:
        """Read a link that people may use now. Raises `SayNoError`: unknown, revoked or expired."""
        link = await self._means.dialogues.link(self._means.account.name, link_id)
        if link is None:
            raise SayNoError(404, "unknown")
        if not link.is_open(self._means.desk.now()):
            raise SayNoError(410, "revoked" if link.revoked_at else "expired")
        return link

    def _is_person(self, found: FormRequest, seconds: float) -> None:
        """Refuse machines in words that a person can do something about: no request vanishes silently."""
        if found.trapped:
            self._means.desk.refused("trap")
            raise SayNoError(422, "trap")
        early = self._means.settings.least_seconds - seconds
        if early > 0:
            self._means.desk.refused("early")
            raise SayNoError(425, "early", after=round(early, 1) + 0.1)

    def _not_too_often(self, wait: float) -> None:
        if wait:
            self._means.desk.refused("rate")
            raise SayNoError(429, "rate", after=round(wait, 1) + 0.1)

    def _files(self, chat: str, handles: Sequence[Any]) -> list[dict[str, Any]]:
        try:
            return handled(self._means.tokens, chat, handles, now=self._means.desk.now())
        except RefusedError as error:
            raise SayNoError(422, "file") from error

    async def _after(self, request: Request, digest: str, after: int) -> Sequence[DialogueLine]:
        address, dialogues = self._address(request), self._means.dialogues
        if request.query_params.get("wait") != "1" or not self._limits.waiting.sit(address):
            return await dialogues.after(digest, after, most=MOST_LINES)

        async def goes_on() -> bool:
            self._means.desk.check()
            return not await request.is_disconnected()

        try:
            return await news(dialogues, self._hub, Waiter(digest=digest, shown=after), goes_on=goes_on)
        finally:
            self._limits.waiting.leave(address)

    async def _ticket(self, digest: str) -> str | None:
        """Give the ticket's number as people read it. What is stored is stored, also while nobody can tell it."""
        with suppress(LaterError):
            number = await self._means.dialogues.ticket(digest)
            return None if number is None else shown(number)
        return None

    def _holder(self, request: Request) -> Pass:
        return self._means.handed.read_dialogue(bearer(request), now=self._means.desk.now())

    async def _uploader(self, request: Request) -> str:
        """Give the dialogue to which a file will belong: it goes on, or it is about to begin by a link that counts."""
        try:
            return self._holder(request).chat
        except ExpiredError:
            raise
        except RefusedError:
            stamp = self._means.handed.read_stamp(bearer(request), now=self._means.desk.now())
            await self.open_link(stamp.link)
            return stamp.chat

    def _address(self, request: Request) -> str:
        return counted(self._peer(request))

    def _peer(self, request: Request) -> str:
        return caller(request, behind_proxy=self._means.settings.behind_proxy)

    def _delivery(self, request: Request, kind: str, chat: str, facts: Mapping[str, Any]) -> Delivery:
        made = {"t": kind, "chat": chat, **{key: value for key, value in facts.items() if value}}
        return Delivery(
            account=self._means.account,
            raw=json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"),
            received_at=self._means.desk.now(),
            intake="form",
            peer=self._peer(request),
            tls=request.url.scheme == "https",
        )

    def _too_large(self) -> str:
        return f"{TOO_LARGE} {self._means.settings.too_large}".strip() + "\n"


def bearer(request: Request) -> str:
    """Give what a call carries. Raises `RefusedError`."""
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer":
        raise RefusedError("no token")
    return token


def whole_text(text: str | None) -> int | None:
    """Read a whole number of an address; None for all else."""
    return whole(int(text)) if text and text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def _of_link(link: FormLink | None) -> dict[str, str]:
    if link is None:
        return {}
    told = {"link": link.id, "label": link.label, "organisation": link.organisation, "installation": link.installation}
    return {name: value for name, value in told.items() if value}


def _json(facts: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse(facts, status, KEEP_NOTHING)
