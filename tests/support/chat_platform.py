"""A small chat platform over HTTP on loopback: rate limits, outages, people who block, answers that never come.

POST /send      {"to", "text", "key"?, "file"?} 200 {"id"} | 400 | 403 | 409 {"moved_to"} | 503
                429 {"retry_after"} | 502 {"retry_after"}
GET  /where/ID  200 {"path"} | 404 | 503
GET  /files/ID  the bytes, at the speed and of the length that the test says
"""

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

LONGEST = 100
"""Characters of one text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A message that the platform has."""

    id: str
    to: str
    text: str
    file: str
    at: float


@dataclass(kw_only=True)
class ChatPlatform:
    """`chat_every` and `account_every` are seconds between two messages, 0 for no limit.

    `swallow`: so many messages are taken and their calls never answered (`hang` seconds). `torn`: so many are taken and
    answered 502 all the same. `knows_keys`: the same key twice is one message. `down`: everything is answered 503.
    `cut_after`: files end after so many bytes.
    """

    chat_every: float = 0.0
    account_every: float = 0.0
    retry_after: float = 1.0
    blocked: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    moved: dict[str, str] = field(default_factory=dict)
    down: bool = False
    knows_keys: bool = False
    swallow: int = 0
    torn: int = 0
    hang: float = 3.0
    slow: float = 0.0
    files: dict[str, bytes] = field(default_factory=dict)
    file_answers: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    cut_after: int | None = None
    got: list[Got] = field(default_factory=list)
    floods: int = 0
    calls: int = 0
    _keys: dict[str, str] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def texts(self, to: str = "") -> list[str]:
        """Give the texts that it has, in the order in which they came."""
        return [got.text for got in self.got if not to or got.to == to]

    def start(self, port: int = 0) -> Self:
        """Listen; port 0 is a free one."""
        handler = type("Handler", (_Handler,), {"platform": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> int:
        """Go away, as in an outage; give the port."""
        assert self._server is not None
        port = int(self._server.server_address[1])
        self._server.shutdown()
        self._server.server_close()
        return port

    def take(self, call: dict[str, Any]) -> tuple[int, dict[str, Any], float]:
        """Answer a call: status, body and how long the answer takes."""
        with self._lock:
            self.calls += 1
            to, now = str(call["to"]), time.monotonic()
            refusal = self._refusal(call, to, now)
            if refusal is not None:
                return (*refusal, 0.0)
            key = str(call.get("key") or "")
            if self.knows_keys and key in self._keys:
                return 200, {"id": self._keys[key]}, 0.0
            self._last[""] = self._last[to] = now
            got = Got(id=str(1000 + len(self.got)), to=to, text=call["text"], file=call.get("file", ""), at=now)
            self.got.append(got)
            self._keys[key] = got.id
            if self.swallow:
                self.swallow -= 1
                return 200, {"id": got.id}, self.hang
            if self.torn:
                self.torn -= 1
                return 502, {"retry_after": self.retry_after}, 0.0
            return 200, {"id": got.id}, self.slow

    def _refusal(self, call: dict[str, Any], to: str, now: float) -> tuple[int, dict[str, Any]] | None:
        if self.down:
            return 503, {}
        if to in self.blocked:
            return 403, {"error": "blocked"}
        if to in self.moved:
            return 409, {"moved_to": self.moved[to]}
        if len(call["text"]) > LONGEST or call["text"] in self.refused:
            return 400, {"error": "refused"}
        waits = (self._last[""] + self.account_every - now, self._last[to] + self.chat_every - now)
        if (self.account_every and waits[0] > 0) or (self.chat_every and waits[1] > 0):
            self.floods += 1
            return 429, {"retry_after": self.retry_after}
        return None


class _Handler(BaseHTTPRequestHandler):
    platform: ChatPlatform
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, body, wait = self.platform.take(call)
        time.sleep(wait)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self) -> None:
        kind, _, name = self.path.strip("/").partition("/")
        if self.platform.down:
            self._answer(503, b"")
        elif name not in self.platform.files:
            self._answer(404, b"")
        elif kind == "where":
            self._answer(200, json.dumps({"path": f"/files/{name}"}).encode())
        else:
            status, headers = self.platform.file_answers.get(name, (200, {}))
            self._answer(status, self.platform.files[name], headers)

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.platform.calls += 1
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content if self.platform.cut_after is None else content[: self.platform.cut_after])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        del format, args


@contextmanager
def chat_platform(**options: Any) -> Iterator[ChatPlatform]:
    platform = ChatPlatform(**options).start()
    try:
        yield platform
    finally:
        platform.stop()
