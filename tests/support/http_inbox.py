"""Another system's HTTP server on loopback, to which a running daemon posts."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook


@dataclass(kw_only=True)
class Inbox:
    """An HTTP server that keeps what it gets, and answers while `open` is set."""

    port: int = 0
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)

    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    def events(self, secret: str) -> list[dict[str, Any]]:
        """What came, each request checked as a receiver does it."""
        return [Webhook(secret).verify(body, headers) for headers, body in self.got]


@contextmanager
def inbox() -> Iterator[Inbox]:
    found = Inbox()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            if found.open.wait(30):
                self.send_response(204)
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield found
    found.open.set()
    server.shutdown()
    server.server_close()
