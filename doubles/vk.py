"""VK over HTTP on loopback: its API for one community, its long poll, its callbacks, its uploads and its files.

Rules as VK documents them and as they were tried: errors by number in a 200, one message a random_id and hour, `ts`
that grows by one an event, `failed` 1 to 3, callbacks tried again until the body is `ok`, a confirmation before.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from doubles.loopback import LoopbackServer
from doubles.ports import free_port
from doubles.vk_community import Community, VkError

HOLD = 25.0


@dataclass(kw_only=True)
class VkDouble:
    """One community at VK. `outage`: every call is answered with 503. `failed`: what the next polls say.

    `calling` are callbacks that wait for their answer.
    """

    community: Community
    port: int = field(default_factory=free_port)
    outage: bool = False
    failed: list[Mapping[str, Any]] = field(default_factory=list)
    polls: int = 0
    answers: list[tuple[int, str]] = field(default_factory=list)
    tries: int = 300
    pause: float = 0.1
    calling: int = 0
    _server: LoopbackServer | None = None

    @property
    def base_url(self) -> str:
        """Where the API is."""
        return f"http://127.0.0.1:{self.port}"

    def happen(self, kind: str, content: Mapping[str, Any]) -> Mapping[str, Any]:
        """Let something happen: pollers find it, and a callback server is called until it answers ok."""
        event = self.community.happen(kind, content)
        if self.community.callback_url:
            self.deliver(event)
        return event

    def deliver(self, event: Mapping[str, Any], *, secret: str | None = None) -> bool:
        """Call the callback server as VK does; says whether it took the event."""
        whole = {**event, "secret": self.community.secret if secret is None else secret}
        for _ in range(self.tries):
            status, said = self._call_back(whole)
            self.answers.append((status, said))
            if (status, said) == (httpx.codes.OK, "ok"):
                return True
            time.sleep(self.pause)
        return False

    def _call_back(self, event: Mapping[str, Any]) -> tuple[int, str]:
        raw = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        self.calling += 1
        try:
            answer = httpx.post(self.community.callback_url, content=raw, timeout=10)
        except httpx.HTTPError:
            return 0, ""
        finally:
            self.calling -= 1
        return answer.status_code, answer.text

    def start(self) -> None:
        """Listen."""
        self.community.base_url = self.base_url
        routes = [
            Route("/method/{method}", self._method, methods=["POST"]),
            Route("/poll", self._poll, methods=["GET"]),
            Route("/upload/{kind}", self._upload, methods=["POST"]),
            Route("/doc/{name}", self._doc, methods=["GET"]),
            Route("/file/{name}", self._file, methods=["GET"]),
        ]
        self._server = LoopbackServer(routes=routes, port=self.port)
        self._server.start()

    def stop(self) -> None:
        """Go away."""
        if self._server is not None:
            self._server.stop()

    async def _method(self, request: Request) -> Response:
        if self.outage:
            return Response(status_code=503)
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        try:
            answer = await self._called(request.path_params["method"], form)
        except VkError as error:
            shown = [{"key": name, "value": value} for name, value in form.items()]  # token and all, as VK does
            return JSONResponse({"error": {"error_code": error.code, "error_msg": "no", "request_params": shown}})
        return JSONResponse({"response": answer})

    async def _called(self, method: str, form: Mapping[str, str]) -> object:
        answer = self.community.call(method, form)
        if method == "groups.addCallbackServer":
            await self._confirm()
        return answer

    async def _confirm(self) -> None:
        """Ask a new callback server for the confirmation string."""
        event = {"type": "confirmation", "group_id": self.community.group_id}
        async with httpx.AsyncClient(timeout=10) as client:
            answer = await client.post(self.community.callback_url, content=json.dumps(event).encode())
        self.community.is_confirmed = answer.text == self.community.confirmation

    async def _poll(self, request: Request) -> Response:
        self.polls += 1
        if self.outage:
            return Response(status_code=503)
        if self.failed:
            return JSONResponse(self.failed.pop(0))
        asked = request.query_params
        if asked["key"] != self.community.key:
            return JSONResponse({"failed": 2})
        ts, until = int(asked["ts"]), time.monotonic() + min(float(asked["wait"]), HOLD)
        if not self.community.oldest <= ts <= self.community.ts:
            return JSONResponse({"failed": 1, "ts": self.community.ts})
        while self.community.ts == ts and time.monotonic() < until and not self._is_over():  # noqa: ASYNC110 - events come from a thread
            await asyncio.sleep(0.02)
        return JSONResponse({"ts": str(self.community.ts), "updates": self.community.since(ts)})

    def _is_over(self) -> bool:
        return self._server is None or self._server.is_ending

    async def _upload(self, request: Request) -> Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        (part,) = message_from_bytes(head + await request.body(), policy=HTTP).iter_parts()
        field_name = part.get_param("name", header="content-disposition")
        token = self.community.uploaded(str(part.get_filename()), bytes(part.get_payload(decode=True)))
        return JSONResponse({"photo": token, "server": 7, "hash": "h"} if field_name == "photo" else {"file": token})

    async def _doc(self, request: Request) -> Response:
        return RedirectResponse(f"{self.base_url}/file/{request.path_params['name']}", status_code=302)

    async def _file(self, request: Request) -> Response:
        found = self.community.files.get(request.path_params["name"])
        return Response(status_code=404) if found is None else Response(found, media_type="application/octet-stream")


@contextmanager
def vk_double(*, token: str, group_id: int, secret: str = "") -> Iterator[VkDouble]:
    """Run one community's VK."""
    double = VkDouble(community=Community(token=token, group_id=group_id, secret=secret))
    double.start()
    try:
        yield double
    finally:
        double.stop()
