"""A site that shows our chat, a browser that looks at it, and a daemon behind it."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from running_daemon import RunningDaemon, running_daemon

from doubles.ports import free_port

CHROMIUM = Path("/usr/bin/chromium")
SECRET = "an invented secret of a chat for tests"


@dataclass(frozen=True, kw_only=True)
class ChatSite:
    """`origin` is the site's, `chat` where our chat is served."""

    daemon: RunningDaemon
    browser: Browser
    origin: str
    chat: str

    def page(self, *, width: int = 1000, height: int = 700, scheme: Any = "light", language: str = "en") -> Page:
        """Open the site in a browser of its own."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.goto(f"{self.origin}/?{language}")
        return page

    def ticket(self, words: str) -> dict[str, Any]:
        """Wait for the ticket on which these words stand."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = [one for one in self.daemon.json("tickets", "list") if words in self.texts(one["number"])]
            return bool(found)

        self.daemon.wait_until(there, seconds=40, what=f"a ticket with {words!r}", every=0.3)
        return found[0]

    def texts(self, number: str) -> list[str]:
        """What stands on a ticket."""
        return [message["text"] for message in self.daemon.json("tickets", "show", number)["messages"]]


@contextmanager
def chat_site() -> Iterator[ChatSite]:
    """Start all three."""
    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(f"http://127.0.0.1:{port}/webchat/site"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    settings = {
        "SWITCHBOARD_INTAKE__PORT": str(port),
        "SWITCHBOARD_ACCOUNTS__SITE__CHANNEL": "webchat",
        "SWITCHBOARD_ACCOUNTS__SITE__SECRET": SECRET,
        "SWITCHBOARD_ACCOUNTS__SITE__ORIGINS": json.dumps([origin]),
        "SWITCHBOARD_OUTBOUND__LEASE_SECONDS": "5",
    }
    with running_daemon(settings) as daemon, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield ChatSite(daemon=daemon, browser=browser, origin=origin, chat=f"http://127.0.0.1:{port}/webchat/site")
        browser.close()
    server.shutdown()
    server.server_close()


def _handler(chat: str) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            language = self.path.rpartition("?")[2] or "en"
            script = f'<script src="{chat}/widget.js" data-language="{language}"></script>'
            head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
            body = f'<!doctype html><html lang="en">{head}<title>Shop</title><h1>Shop</h1>{script}</html>'.encode()
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
