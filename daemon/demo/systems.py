"""A customer that is a program: signs requests, and hears the answer in the stream of ticket events."""

import base64
import json
import secrets
from collections.abc import Callable
from typing import Any, Final

import httpx

from connectors.api.settings import PREFIX
from connectors.api.signature import signed_headers
from daemon.clock import now
from daemon.demo.customers import Account, Heard
from daemon.errors import UserError

ORDER: Final = "order-55102"
ADDED: Final = "ticket.message_added"


class SystemCustomer:
    """An order system. `reader` gives a client of the HTTP API whose token reads its own account's events alone."""

    channel, account, name = "api", "erp", "order system"
    state = "published"
    words = "The driver would not unload at the gate."

    def __init__(self, reader: Callable[[str], httpx.Client]) -> None:
        self._key = secrets.token_bytes(32)
        self._reader = reader
        self._events: httpx.Client | None = None

    def settings(self) -> Account:
        """Give the account's settings."""
        return {"SECRET": PREFIX + base64.b64encode(self._key).decode()}

    def is_reachable(self) -> bool:
        """Say yes: it calls us, and nobody calls it."""
        return True

    def write(self, intake: str) -> None:
        """Send a signed message; 202 says that it is stored."""
        sender = {"id": "buyer@customer.example", "name": "Buyer"}
        facts = {"id": "demo-1", "conversation": ORDER, "sender": sender, "subject": "Order 55102"}
        raw = json.dumps({**facts, "text": self.words}).encode()
        headers = signed_headers(raw, keys=[self._key], request="demo-1", at=now())
        answer = httpx.post(f"{intake}/in/api/{self.account}", content=raw, headers=headers, timeout=30)
        if answer.status_code != httpx.codes.ACCEPTED:
            raise UserError(f"the signed request was answered with {answer.status_code}")

    def heard(self) -> Heard | None:
        """Give the answer, once its event has come; a stream that says nothing for a while is opened anew."""
        self._events = self._events or self._reader(self.account)
        with self._events.stream("GET", "/events", headers={"Last-Event-ID": "0"}) as stream:
            try:
                return next((_heard(line) for line in stream.iter_lines() if _is_answer(line)), None)
            except httpx.ReadTimeout:
                return None


def _is_answer(line: str) -> bool:
    event = _event(line)
    return event.get("type") == ADDED and event["data"]["message"]["direction"] == "out"


def _heard(line: str) -> Heard:
    event = _event(line)
    return Heard(text=str(event["data"]["message"]["text"]).strip(), seen=f"event {event['type']}")


def _event(line: str) -> dict[str, Any]:
    kind, _, data = line.partition(": ")
    found: dict[str, Any] = json.loads(data) if kind == "data" else {}
    return found
