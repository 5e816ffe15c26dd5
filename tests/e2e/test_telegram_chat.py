"""A bot's users on a running daemon: polled and called, answered, edited, with photos, blocked, and through kills."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from running_daemon import RunningDaemon, running_daemon
from telegram_lab import OLGA, SECRET, TOKEN

from doubles.ports import free_port
from doubles.telegram import TelegramDouble, telegram_double

pytestmark = [pytest.mark.postgres]
IVAN = 5100200300
NAMED = "SWITCHBOARD_ACCOUNTS__SHOP_BOT__"


@pytest.fixture(scope="module")
def telegram() -> Iterator[TelegramDouble]:
    with telegram_double(TOKEN) as found:
        found.world.person(OLGA, "Ольга")
        found.world.person(IVAN, "Ivan")
        yield found


@pytest.fixture(scope="module", params=["poll", "webhook"])
def daemon(request: pytest.FixtureRequest, telegram: TelegramDouble) -> Iterator[RunningDaemon]:
    port = free_port()
    telegram.webhook = ""
    settings = {
        f"{NAMED}CHANNEL": "telegram",
        f"{NAMED}TOKEN": TOKEN,
        f"{NAMED}BASE_URL": telegram.base_url,
        f"{NAMED}INTAKE": request.param,
        f"{NAMED}WEBHOOK_SECRET": SECRET,
        f"{NAMED}POLL_SECONDS": "2",
        f"{NAMED}TIMEOUT_SECONDS": "3",
        "SWITCHBOARD_INTAKE__PORT": str(port),
        "SWITCHBOARD_INTAKE__PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    with running_daemon(settings) as found:
        yield found


def ticket_of(daemon: RunningDaemon, person: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = []

    def opened() -> bool:
        found[:] = daemon.json("tickets", "list", "--requester", str(person))
        return bool(found)

    daemon.wait_until(opened, seconds=40, what="a ticket", every=0.3)
    return found[0]


def shown(daemon: RunningDaemon, ticket: dict[str, Any], *words: str) -> None:
    def has() -> bool:
        page = daemon.cli("tickets", "show", ticket["number"]).stdout
        return all(word in page for word in words)

    try:
        daemon.wait_until(has, seconds=30, what=f"{words} on the ticket", every=0.5)
    except AssertionError:
        pytest.fail(daemon.cli("tickets", "show", ticket["number"]).stdout)


def said(telegram: TelegramDouble, person: int) -> list[str]:
    return [data.get("text", "") for _, data, _ in telegram.sent if data["chat_id"] == str(person)]


def test_a_message_is_answered_edited_illustrated_and_blocked(daemon: RunningDaemon, telegram: TelegramDouble) -> None:
    telegram.world.unblock(OLGA)
    first = telegram.world.write(OLGA, text="The box is broken")
    ticket = ticket_of(daemon, OLGA)
    before = len(said(telegram, OLGA))
    daemon.cli("tickets", "reply", ticket["number"], "--text", "Which box?")
    daemon.wait_until(lambda: len(said(telegram, OLGA)) > before, seconds=30, what="the answer at Telegram")
    assert said(telegram, OLGA)[-1] == "Which box?"
    answer = telegram.world.messages[-1]
    telegram.world.edit(first, text="The red box is broken")
    telegram.world.write(OLGA, text="This one", reply_to_message=answer)
    for content in (b"one photo", b"another photo"):
        telegram.world.write(OLGA, photo=telegram.world.photo(content), media_group_id="77")
    shown(daemon, ticket, "The red box is broken", "This one")

    def fetched() -> bool:
        messages = daemon.json("tickets", "show", ticket["number"])["messages"]
        files = [file for message in messages for file in _files(message)]
        return len(files) == 2 and all(file.get("state") == "stored" for file in files)

    daemon.wait_until(fetched, seconds=40, what="both photos stored", every=0.5)
    assert len(daemon.json("tickets", "list", "--requester", str(OLGA))) == 1
    telegram.world.block(OLGA)
    shown(daemon, ticket, "blocked")
    assert TOKEN.partition(":")[2] not in daemon.log + daemon.cli("tickets", "show", ticket["number"], "--json").stdout


def test_what_is_written_while_the_intake_is_killed_is_neither_lost_nor_doubled(
    daemon: RunningDaemon, telegram: TelegramDouble
) -> None:
    telegram.world.write(IVAN, text="number 0")
    ticket = ticket_of(daemon, IVAN)
    for number in range(1, 13):
        telegram.world.write(IVAN, text=f"number {number}")
        if number % 4 == 0:
            daemon.kill_child("ingest")
            time.sleep(0.5)

    def texts() -> list[str]:
        messages = daemon.json("tickets", "show", ticket["number"])["messages"]
        return [message["text"] for message in messages if message["text"].startswith("number")]

    daemon.wait_until(lambda: len(texts()) >= 13, seconds=60, what="all thirteen", every=1)
    assert texts() == [f"number {number}" for number in range(13)]
    assert not telegram.world.queue


def _files(message: dict[str, Any]) -> list[dict[str, Any]]:
    found = message.get("files") or message.get("details", {}).get("files") or []
    assert isinstance(found, list)
    return found
