"""Answers to other systems through a running daemon: called back and signed, or published for them to collect."""

import base64
import json
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from http_inbox import inbox
from running_daemon import RunningDaemon, running_daemon
from way_back import messages

from connectors.api.settings import PREFIX
from connectors.api.signature import signed_headers
from doubles.ports import free_port

pytestmark = [pytest.mark.postgres]

KEY = bytes(range(32))
SECRET = PREFIX + base64.b64encode(KEY).decode()


def write(port: int, account: str, number: str, **more: str) -> None:
    """Bring a message as another system does."""
    raw = json.dumps({"id": number, "conversation": "order-1", "sender": {"id": "buyer"}, "text": "Where?", **more})
    headers = signed_headers(raw.encode(), keys=[KEY], request=number, at=datetime.now(UTC))
    url = f"http://127.0.0.1:{port}/in/api/{account}"
    with urllib.request.urlopen(urllib.request.Request(url, raw.encode(), headers), timeout=30) as answer:
        assert answer.status == 202


def ticket_of(daemon: RunningDaemon, account: str) -> str:
    found: list[str] = []

    def there() -> bool:
        found[:] = [one["number"] for one in daemon.json("tickets", "list") if one["account"] == account]
        return bool(found)

    daemon.wait_until(there, seconds=60, what=f"a ticket of {account}", every=0.3)
    return found[0]


def recipient(daemon: RunningDaemon, number: str) -> dict[str, Any]:
    """Give the state of our newest answer."""
    sent = [one for one in daemon.json("tickets", "show", number)["messages"] if one["direction"] == "out"]
    found: dict[str, Any] = sent[-1]["sending"]["recipients"][0]
    return found


def comes_to(daemon: RunningDaemon, number: str, state: str) -> None:
    daemon.wait_until(lambda: recipient(daemon, number)["state"] == state, seconds=30, what=state, every=0.3)


def test_answers_are_called_back_or_published_and_none_stays_queued() -> None:
    intake = free_port()
    with inbox() as there:
        there.open.set()
        host = f"http://127.0.0.1:{there.port}"
        settings = {
            "SWITCHBOARD_INTAKE__PORT": str(intake),
            "SWITCHBOARD_WEBHOOKS__ALLOW_HOSTS": json.dumps([host]),
            "SWITCHBOARD_ACCOUNTS__ERP__CHANNEL": "api",
            "SWITCHBOARD_ACCOUNTS__ERP__SECRET": SECRET,
            "SWITCHBOARD_ACCOUNTS__ERP__CALLBACK_URL": f"{host}/answers",
            "SWITCHBOARD_ACCOUNTS__SHOP__CHANNEL": "api",
            "SWITCHBOARD_ACCOUNTS__SHOP__SECRET": SECRET,
        }
        with running_daemon(settings) as daemon:
            for account in ("erp", "shop"):
                write(intake, account, "m1")
            erp, shop = ticket_of(daemon, "erp"), ticket_of(daemon, "shop")
            for number in (erp, shop):
                daemon.cli("tickets", "reply", number, "--text", "Tomorrow.")
            for number, state in ((erp, "sent"), (shop, "published")):
                comes_to(daemon, number, state)
            (told,) = there.events(SECRET)
            assert (told["conversation"], told["text"], len(there.got)) == ("order-1", "Tomorrow.", 1)
            assert "ticket events" in recipient(daemon, shop)["reason"]
            write(intake, "erp", "m2", conversation="order-1", in_reply_to=told["id"], text="Thanks.")
            assert len(messages(daemon, erp, 3)) == 3
            assert SECRET[6:] not in daemon.log
            states = {one["account"]: one for one in daemon.json("channels")[0]["accounts"]}
            assert [states[name]["waiting"] for name in ("erp", "shop")] == [0, 0]
