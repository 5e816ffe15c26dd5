"""One platform's outage, flood or malformed update affects no other channel: in and out, over all processes (C44)."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from fault_channels import KEY, SECRET
from fault_sockets import ORIGIN, account
from running_daemon import RunningDaemon
from telegram_lab import OLGA, TOKEN
from viber_desk import viber_desk
from way_back import messages, opened, replied, through
from websockets.sync.client import connect
from websockets.typing import Origin

from connectors.api.signature import signed_headers
from doubles.mail_relay import MailRelay, mail_relay
from doubles.telegram import TelegramDouble, telegram_double
from doubles.viber import ViberDouble

pytestmark = [pytest.mark.postgres]
PATIENCE = 5.0
"""Seconds in which a platform that calls us must have its yes while others misbehave."""


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A daemon with a mailbox, three bots' worth of channels and a chat."""

    daemon: RunningDaemon
    relay: MailRelay
    telegram: TelegramDouble
    viber: ViberDouble

    @property
    def port(self) -> int:
        return int(self.daemon.environment["SWITCHBOARD_INTAKE__PORT"])

    def ticket(self, person: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.daemon.json("tickets", "list", "--requester", person)
            return bool(found)

        self.daemon.wait_until(there, seconds=40, what=f"a ticket of {person}", every=0.3)
        return found[0]

    def reply(self, ticket: dict[str, Any], text: str) -> None:
        self.daemon.cli("tickets", "reply", ticket["number"], "--text", text)

    def told(self, text: str) -> bool:
        """Whether Telegram has this text of ours."""
        return any(data.get("text") == text for _, data, _ in self.telegram.sent)

    def viber_answers(self, name: str) -> None:
        """Let somebody write at Viber and be answered."""
        person = self.viber.person(name)
        self.viber.write(person, {"type": "text", "text": f"words of {name}"})
        self.reply(self.ticket(person.id), f"answer to {name}")
        self.daemon.wait_until(
            lambda: any(got.body.get("text") == f"answer to {name}" for got in self.viber.got),
            seconds=30,
            what="the answer at Viber",
        )


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    bot = {"CHANNEL": "telegram", "TOKEN": TOKEN, "POLL_SECONDS": "1", "TIMEOUT_SECONDS": "2"}
    with mail_relay() as relay, telegram_double(TOKEN) as telegram:
        telegram.world.person(OLGA, "Olga")
        settings = {
            **through(relay),
            **account("shop"),
            **{f"SWITCHBOARD_ACCOUNTS__BOT__{name}": value for name, value in bot.items()},
            "SWITCHBOARD_ACCOUNTS__BOT__BASE_URL": telegram.base_url,
            "SWITCHBOARD_ACCOUNTS__ERP__CHANNEL": "api",
            "SWITCHBOARD_ACCOUNTS__ERP__SECRET": SECRET,
            "SWITCHBOARD_ACCOUNTS__SUPPORT__CHANNEL": "mail",
            "SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": '["support@desk.example"]',
        }
        with viber_desk(**settings) as (daemon, viber):
            yield Desk(daemon=daemon, relay=relay, telegram=telegram, viber=viber)


def test_while_telegram_is_down_mail_viber_and_the_chat_are_taken_and_answered(desk: Desk) -> None:
    desk.telegram.world.write(OLGA, text="before the outage")
    waiting = desk.ticket(str(OLGA))
    desk.telegram.outage = True
    desk.reply(waiting, "as soon as it is back")
    replied(desk.daemon, desk.relay, opened(desk.daemon, "ana@a.example", "<a1@a.example>"), "ana@a.example")
    desk.viber_answers("Rui")
    with connect(f"ws://127.0.0.1:{desk.port}/webchat/shop/socket", origin=Origin(ORIGIN)) as socket:
        for frame in ({"t": "hello"}, {"t": "say", "id": "m1", "text": "words in the chat"}):
            socket.send(json.dumps(frame))
            heard = json.loads(socket.recv(timeout=PATIENCE))
        assert heard["t"] == "ack"
        (ticket,) = [one for one in _until(desk, "webchat") if one["channel"] == "webchat"]
        desk.reply(ticket, "answer in the chat")
        assert json.loads(socket.recv(timeout=30))["text"] == "answer in the chat"
    assert not desk.told("as soon as it is back")
    desk.telegram.outage = False
    desk.daemon.wait_until(lambda: desk.told("as soon as it is back"), seconds=90, what="sent after the outage")


def _until(desk: Desk, channel: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = desk.daemon.json("tickets", "list")
        return any(one["channel"] == channel for one in found)

    desk.daemon.wait_until(there, seconds=40, what=f"a ticket by {channel}", every=0.3)
    return found


def test_malformed_updates_poison_nothing(desk: Desk) -> None:
    odd: list[Any] = ["text", 7, [], {"message": "text"}, {"message": {"chat": []}}, {"message": None}]
    for content in odd:
        desk.telegram.world.push("message", content)
    odd_raws = [b"{", b"[]", b'{"event":"message","message":7}', b'{"event":"message","sender":[]}', b"\xff\xfe"]
    assert {desk.viber.deliver(raw) for raw in odd_raws} <= {200, 401}, "yes for what never gets better, never an error"
    desk.telegram.world.write(OLGA, text="after the odd ones")
    ticket = desk.ticket(str(OLGA))
    assert [one["text"] for one in messages(desk.daemon, ticket["number"], 3)][-1] == "after the odd ones"
    desk.viber_answers("Eva")


@contextmanager
def flood(port: int) -> Iterator[list[int]]:
    """Call one account without end, with true signatures and forged ones; gives what it is answered."""
    ended, answers = threading.Event(), list[int]()

    def call(first: int) -> None:
        for number in range(first, 10**9, 4):
            if ended.is_set():
                return
            body = json.dumps({"id": f"f{number}", "sender": {"id": "flood"}, "text": "x" * 2000}).encode()
            headers = signed_headers(body, keys=[KEY if number % 2 else KEY[::-1]], request="r", at=datetime.now(UTC))
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            try:
                connection.request("POST", "/in/api/erp", body, headers)
                answers.append(connection.getresponse().status)
            finally:
                connection.close()

    threads = [threading.Thread(target=call, args=(first,), daemon=True) for first in range(4)]
    for thread in threads:
        thread.start()
    yield answers
    ended.set()
    for thread in threads:
        thread.join(30)


def test_a_flood_on_one_accounts_path_keeps_nobody_else_waiting(desk: Desk) -> None:
    person, took = desk.viber.person("Ivo"), []
    with flood(desk.port) as answers:
        desk.daemon.wait_until(lambda: len(answers) > 20, seconds=30, what="flooded", every=0.01)
        for number in range(10):
            began = time.monotonic()
            call = desk.viber.write(person, {"type": "text", "text": f"number {number}"})
            assert desk.viber.answers[call] == [200], "taken at the first call"
            took.append(time.monotonic() - began)
        replied(desk.daemon, desk.relay, opened(desk.daemon, "bea@b.example", "<b1@b.example>"), "bea@b.example")
    assert max(took) < PATIENCE
    assert set(answers) <= {202, 401, 503}
    texts = [one["text"] for one in messages(desk.daemon, desk.ticket(person.id)["number"], 10)]
    assert texts == [f"number {number}" for number in range(10)]
