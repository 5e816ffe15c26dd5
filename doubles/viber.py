"""Viber over HTTP on loopback: its REST API, its callbacks with signatures and tries, the media of its users.

What it knows of Viber is in its REST API documentation and what was tried with real bots: the order of checks, the
codes of `status`, 30 KB a call, 7,000 letters, 100 messages an hour to a person who does not answer, media for an hour.
"""

import hmac
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import count
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from doubles.loopback import LoopbackServer
from doubles.ports import free_port

MAX_CALL = 30 * 1024
MAX_TEXT = 7000
UNANSWERED = 100
MAX_NAME = 28
KINDS = ("text", "picture", "video", "file", "contact", "location", "url", "sticker", "rich_media")
NEEDS = {"text": ("text",), "picture": ("media", "text"), "file": ("media", "size", "file_name")}
BAD_TOKEN, BAD_DATA, MISSING, UNKNOWN, LEFT, NO_WEBHOOK, TOO_MANY = 2, 3, 4, 5, 6, 10, 12


@dataclass(kw_only=True)
class Person:
    """A user of Viber, as one bot sees it. `unanswered` counts our messages since they last wrote."""

    id: str
    name: str
    subscribed: bool = True
    unanswered: int = 0


@dataclass(frozen=True, kw_only=True)
class Got:
    """A message that a person got; `content` is what Viber fetched from us for a file."""

    token: int
    receiver: str
    body: Mapping[str, Any]
    content: bytes = b""


@dataclass(kw_only=True)
class ViberDouble:
    """One bot at Viber.

    `outage` answers every call with 503; `swallow` takes the next calls and never answers them; `forced` are the
    statuses of the next messages.
    """

    token: str
    port: int = field(default_factory=free_port)
    people: dict[str, Person] = field(default_factory=dict)
    got: list[Got] = field(default_factory=list)
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    media: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    webhook: str = ""
    uri: str = "inventedbot"
    outage: bool = False
    swallow: int = 0
    forced: list[int] = field(default_factory=list)
    tries: int = 300
    pause: float = 0.1
    answers: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))
    _numbers: Iterator[int] = field(default_factory=lambda: count(5741311803571721087))
    _server: LoopbackServer | None = None

    @property
    def base_url(self) -> str:
        """Where the bot's API is."""
        return f"http://127.0.0.1:{self.port}"

    def person(self, name: str, *, id_: str = "", subscribed: bool = True) -> Person:
        """Let somebody use Viber."""
        made = Person(id=id_ or f"{name.lower()}-invented-id==", name=name, subscribed=subscribed)
        self.people[made.id] = made
        return made

    def write(self, person: Person, message: Mapping[str, Any], **more: Any) -> int:
        """Let somebody write to the bot; gives the message's token once the bot said yes, or Viber gave up."""
        person.subscribed, person.unanswered = True, 0
        sender = {"id": person.id, "name": person.name, "language": "ru", "country": "RU", "api_version": 10}
        return self.callback({"event": "message", "sender": sender, "message": dict(message), "silent": False, **more})

    def upload(self, content: bytes, name: str) -> str:
        """Let somebody's file lie at Viber; give its address."""
        place = sha256(content + name.encode()).hexdigest()[:24]
        self.media[place] = (content, name)
        return f"{self.base_url}/media/{place}"

    def receipt(self, event: str, got: Got, **more: Any) -> int:
        """Tell what became of a message of ours."""
        return self.callback({"event": event, "user_id": got.receiver, **more}, token=got.token)

    def callback(self, event: Mapping[str, Any], *, token: int = 0) -> int:
        """Call the webhook, signed, again and again until it answers 200."""
        number = token or next(self._numbers)
        whole = {"timestamp": int(time.time() * 1000), "message_token": number, "chat_hostname": "DOUBLE", **event}
        raw = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
        for _ in range(self.tries):
            status = self.deliver(raw)
            self.answers[number].append(status)
            if status == httpx.codes.OK:
                break
            time.sleep(self.pause)
        return number

    def deliver(self, raw: bytes, *, signature: str | None = None) -> int:
        """Call the webhook once; 0 when nobody answers."""
        headers = {"X-Viber-Content-Signature": self.signed(raw) if signature is None else signature}
        try:
            return httpx.post(self.webhook, content=raw, headers=headers, timeout=10).status_code
        except httpx.HTTPError:
            return 0

    def signed(self, raw: bytes) -> str:
        """Sign a body."""
        return hmac.new(self.token.encode(), raw, sha256).hexdigest()

    def start(self) -> None:
        """Listen."""
        routes = [
            Route("/pa/{method}", self._call, methods=["POST"]),
            Route("/media/{place}", self._media, methods=["GET"]),
        ]
        self._server = LoopbackServer(routes=routes, port=self.port)
        self._server.start()

    def stop(self) -> None:
        """Go away."""
        if self._server is not None:
            self._server.stop()

    async def _media(self, request: Request) -> Response:
        found = self.media.get(request.path_params["place"])
        if found is None:
            return Response(status_code=404)  # an hour is over
        return Response(found[0], media_type="application/octet-stream")

    async def _call(self, request: Request) -> Response:
        raw = await request.body()
        if self.outage:
            return Response(status_code=503)
        status, answer = await self._judged(request, raw)
        words = {0: "ok", BAD_TOKEN: "invalidAuthToken", BAD_DATA: "badData", MISSING: "missingData"}
        body = {"status": status, "status_message": words.get(status, "failed"), "chat_hostname": "DOUBLE", **answer}
        if self.swallow:
            self.swallow -= 1
            return StreamingResponse(_never(), media_type="application/json")
        return JSONResponse(body)

    async def _judged(self, request: Request, raw: bytes) -> tuple[int, Mapping[str, Any]]:
        if not hmac.compare_digest(request.headers.get("x-viber-auth-token", ""), self.token):
            return BAD_TOKEN, {}
        if len(raw) > MAX_CALL:
            return BAD_DATA, {}
        body, method = json.loads(raw), request.path_params["method"]
        self.calls.append((method, body))
        if method == "set_webhook":
            return await self._set_webhook(body)
        if method == "get_account_info":
            return 0, {"id": "pa:invented", "name": "Invented", "uri": self.uri, "webhook": self.webhook}
        return await self._send(body) if method == "send_message" else (BAD_DATA, {})

    async def _set_webhook(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        self.webhook = str(body.get("url", ""))
        event = {"event": "webhook", "timestamp": int(time.time() * 1000), "message_token": next(self._numbers)}
        raw = json.dumps(event).encode()
        headers = {"X-Viber-Content-Signature": self.signed(raw)}
        try:
            async with httpx.AsyncClient(timeout=10) as client:
                answer = await client.post(self.webhook, content=raw, headers=headers)
        except httpx.HTTPError:
            return 1, {}
        return (
            (0, {"event_types": list(body.get("event_types", ()))}) if answer.status_code == httpx.codes.OK else (1, {})
        )

    async def _send(self, body: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        person, problem = self.people.get(str(body.get("receiver"))), self._problem(body)
        if self.forced or problem:
            return self.forced.pop(0) if self.forced else problem, {}
        if person is None:
            return UNKNOWN, {}
        content = b""
        if "media" in body:
            async with httpx.AsyncClient(timeout=10, follow_redirects=False) as client:
                fetched = await client.get(str(body["media"]))
            if fetched.status_code != httpx.codes.OK:
                return 1, {}
            content = fetched.content
        person.unanswered += 1
        got = Got(token=next(self._numbers), receiver=person.id, body=body, content=content)
        self.got.append(got)
        return 0, {"message_token": got.token, "billing_status": 1}

    def _problem(self, body: Mapping[str, Any]) -> int:
        """Give the status of what Viber refuses; 0 when nothing is wrong."""
        person, kind = self.people.get(str(body.get("receiver"))), str(body.get("type"))
        name, text = str(body.get("sender", {}).get("name", "")), str(body.get("text", ""))
        is_missing = not body.get("receiver") or not name or any(key not in body for key in NEEDS.get(kind, ()))
        is_long = len(name) > MAX_NAME or len(text.encode("utf-16-le")) // 2 > MAX_TEXT
        problems = (
            (NO_WEBHOOK, not self.webhook),
            (MISSING, is_missing or kind not in KINDS),
            (BAD_DATA, is_long),
            (UNKNOWN, person is None),
            (LEFT, person is not None and not person.subscribed),
            (TOO_MANY, person is not None and person.unanswered >= UNANSWERED),
        )
        return next((status for status, is_so in problems if is_so), 0)


async def _never() -> AsyncIterator[bytes]:
    yield b""
    raise ConnectionResetError


@contextmanager
def viber_double(token: str) -> Iterator[ViberDouble]:
    """Run one bot's Viber."""
    double = ViberDouble(token=token)
    double.start()
    try:
        yield double
    finally:
        double.stop()
