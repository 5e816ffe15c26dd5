"""A customer on the web form: opens a link, sends the form once, and reads the answer on the same page."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final

import httpx

from daemon.demo.customers import Account, Heard
from daemon.errors import UserError

SERIAL: Final = "PX200-0048812"
CALL_SECONDS: Final = 30


class FormCustomer:
    """Has a link for one installation. `link` makes it, as an operator does: account and options in, address out."""

    channel, account, name = "webform", "contact", "Bruno"
    state = "seen"
    words = "The printer stops at page 40."

    def __init__(self, link: Callable[[str, str, str], str]) -> None:
        self._link = link
        self._base = ""
        self._dialogue: Mapping[str, str] = {}
        self._heard: Heard | None = None

    def settings(self) -> Account:
        """Give the form's settings; a program fills it in faster than a person."""
        return {"SECRET": secrets.token_urlsafe(32), "LEAST_SECONDS": "0"}

    def is_reachable(self) -> bool:
        """Say yes: the page asks when it opens."""
        return True

    def write(self, intake: str) -> None:
        """Begin and send; 202 says that it is stored."""
        address = self._link(self.account, "--installation", SERIAL)
        self._base = f"{intake}/webform/{self.account}/api"
        begun = self._call("start", {}, {"link": address.rpartition("/")[2], "client": secrets.token_hex(16)})
        request = {"name": self.name, "subject": "Printer", "text": self.words, "language": "en"}
        sent = self._call("send", _bearer(begun["stamp"]), request)
        self._dialogue = _bearer(sent["dialogue"])

    def heard(self) -> Heard | None:
        """Give the line that the page shows; the page says that it was seen."""
        if self._heard is None:
            found = httpx.get(f"{self._base}/lines", params={"after": 0}, headers=self._dialogue, timeout=CALL_SECONDS)
            lines = found.raise_for_status().json()["lines"]
            if lines:
                self._call("seen", self._dialogue, {"line": lines[0]["line"]})
                self._heard = Heard(text=lines[0]["text"], seen=f"line {lines[0]['line']} on his page, seen")
        return self._heard

    def _call(self, what: str, headers: Mapping[str, str], facts: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = httpx.post(f"{self._base}/{what}", json=facts, headers=headers, timeout=CALL_SECONDS)
        if not answer.is_success:
            raise UserError(f"the form answered {what} with {answer.status_code}")
        found: Mapping[str, Any] = answer.json() if answer.content else {}
        return found


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}
