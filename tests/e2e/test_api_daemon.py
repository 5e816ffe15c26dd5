"""The HTTP API of a running daemon: mail in by SMTP, its ticket out over HTTP and as an event."""

import smtplib
from typing import Any

import httpx
import pytest
from running_daemon import RunningDaemon, running_daemon

from doubles.ports import free_port

MAIL = b"From: anna@example.net\r\nTo: help@example.org\r\nMessage-ID: <m1@example.net>\r\nSubject: Hello\r\n\r\nHi\r\n"


@pytest.mark.faults
def test_a_mail_is_read_answered_and_heard_of_over_http() -> None:
    port = free_port()
    settings = {"SWITCHBOARD_API__PORT": str(port), "SWITCHBOARD_ACCOUNTS__HELP__CHANNEL": "mail"}
    settings["SWITCHBOARD_ACCOUNTS__HELP__ADDRESSES"] = '["help@example.org"]'
    with running_daemon(settings) as daemon:
        with smtplib.SMTP("127.0.0.1", daemon.smtp_port, timeout=30) as smtp:
            smtp.sendmail("anna@example.net", ["help@example.org"], MAIL)
        daemon.settle(1)
        scopes = ("--scope", "tickets:read", "--scope", "tickets:write", "--scope", "events:read")
        token = daemon.json("tokens", "create", "test", *scopes)["token"]
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=30) as client:
            (ticket,) = client.get("/tickets").json()["items"]
            said = client.post(f"/tickets/{ticket['number']}/note", json={"text": "Seen"})
            assert said.status_code == 201
            assert _types(client) == ["ticket.created", "ticket.message_added"]
        _kill_and_ask_again(daemon, port, token)
        daemon.cli("tokens", "revoke", token)
        assert httpx.get(f"http://127.0.0.1:{port}/api/v1/tickets", headers=headers).status_code == 401
        assert token not in daemon.log


def _types(client: httpx.Client) -> list[str]:
    found: list[str] = []
    with client.stream("GET", "/events", headers={"Last-Event-ID": "0"}) as answer:
        for line in answer.iter_lines():
            if line.startswith("event: "):
                found.append(line[7:])
            if len(found) == 2:
                break
    return found


def _kill_and_ask_again(daemon: RunningDaemon, port: int, token: str) -> None:
    """The role comes again after SIGKILL, and its events are the same, once each."""
    daemon.kill_child("console")
    headers: dict[str, Any] = {"Authorization": f"Bearer {token}"}

    def answers() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/api/v1/tickets", headers=headers).status_code == 200
        except httpx.TransportError:
            return False

    daemon.wait_until(answers, seconds=60, what="answering again")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=30) as client:
        assert _types(client) == ["ticket.created", "ticket.message_added"]
