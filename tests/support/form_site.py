"""A form behind links, a site that embeds it, a browser that looks at it, and a daemon behind it."""

import http.server
import json
import re
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
NUMBER = re.compile(r"^Ticket \d{3}-\d{3}-\d{4}$")
SECRET = "an invented secret of a form for tests"


@dataclass(frozen=True, kw_only=True)
class FormSite:
    """`origin` is the site's that may embed, `form` where our form is served."""

    daemon: RunningDaemon
    browser: Browser
    origin: str
    form: str

    def link(self, *options: str) -> str:
        """Make a link as operators do."""
        return self.daemon.cli("form-links", "create", "contact", *options).stdout.strip()

    def page(self, url: str, *, width: int = 1000, height: int = 800, scheme: Any = "light") -> Page:
        """Open a page in a browser of its own; whatever its console says is kept in `page.said`."""
        context = self.browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.goto(url)
        return page

    def ticket(self, words: str) -> dict[str, Any]:
        """Wait for the ticket on which these words stand, and give all of it."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            shown = (self.shown(one["number"]) for one in self.daemon.json("tickets", "list"))
            found[:] = [one for one in shown if words in texts(one)]
            return bool(found)

        self.daemon.wait_until(there, seconds=40, what=f"a ticket with {words!r}", every=0.3)
        return found[0]

    def shown(self, number: str) -> dict[str, Any]:
        """Give a ticket as `tickets show --json` does."""
        found: dict[str, Any] = self.daemon.json("tickets", "show", number)
        return found


def texts(ticket: dict[str, Any]) -> list[str]:
    """What stands on a ticket."""
    return [message["text"] for message in ticket["messages"]]


def filled(page: Page, words: str) -> Page:
    page.get_by_label("Your name").fill("Marta")
    page.get_by_label("What do you need?").fill(words)
    return page


def send(page: Page) -> None:
    page.get_by_role("button", name="Send", exact=True).click()


def number_of(page: Page) -> str:
    return (
        page.locator("#number").get_by_text(NUMBER).inner_text(timeout=60_000).removeprefix("Ticket ").replace("-", "")
    )


def lines(page: Page) -> list[str]:
    return [text.splitlines()[-1] for text in page.locator("#log li").all_inner_texts()]


@contextmanager
def form_site() -> Iterator[FormSite]:
    """Start all of them."""
    port = free_port()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Embedding)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    origin = f"http://127.0.0.1:{server.server_address[1]}"
    settings = {
        "SWITCHBOARD_INTAKE__PORT": str(port),
        "SWITCHBOARD_ACCOUNTS__CONTACT__CHANNEL": "webform",
        "SWITCHBOARD_ACCOUNTS__CONTACT__SECRET": SECRET,
        "SWITCHBOARD_ACCOUNTS__CONTACT__ORIGINS": json.dumps([origin]),
        "SWITCHBOARD_ACCOUNTS__CONTACT__LEAST_SECONDS": "0.3",
        "SWITCHBOARD_ACCOUNTS__CONTACT__ASK": json.dumps(["name", "email", "organisation", "installation"]),
        "SWITCHBOARD_ACCOUNTS__CONTACT__TOO_LARGE": "Put it on files.example.org",
        "SWITCHBOARD_ACCOUNTS__CONTACT__REQUESTS_PER_HOUR_ADDRESS": "1000",
        "SWITCHBOARD_OUTBOUND__LEASE_SECONDS": "5",
    }
    with running_daemon(settings) as daemon, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield FormSite(daemon=daemon, browser=browser, origin=origin, form=f"http://127.0.0.1:{port}/webform/contact")
        browser.close()
    server.shutdown()
    server.server_close()


class _Embedding(http.server.BaseHTTPRequestHandler):
    """A site whose page shows the form that its address names."""

    def do_GET(self) -> None:
        link = self.path.partition("?")[2]
        frame = f'<iframe src="{link}" title="Form" width="600" height="900"></iframe>' if link else ""
        body = f'<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1>{frame}</html>'.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
