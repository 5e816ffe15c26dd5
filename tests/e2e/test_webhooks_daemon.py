"""Webhooks of a running daemon: mail in by SMTP, its events out to an HTTP server, through a killed process."""

import json
import smtplib

import pytest
from http_inbox import inbox
from running_daemon import RunningDaemon, running_daemon

MAIL = "From: anna@example.net\r\nTo: help@example.org\r\nMessage-ID: <m{0}@example.net>\r\nSubject: S{0}\r\n\r\nHi\r\n"


def send(daemon: RunningDaemon, number: int) -> None:
    with smtplib.SMTP("127.0.0.1", daemon.smtp_port, timeout=30) as smtp:
        smtp.sendmail("anna@example.net", ["help@example.org"], MAIL.format(number).encode())


@pytest.mark.faults
def test_events_reach_another_system_signed_and_none_is_lost_when_the_process_is_killed() -> None:
    with inbox() as there:
        settings = {
            "SWITCHBOARD_WEBHOOKS__CONNECTIONS": "8",
            "SWITCHBOARD_WEBHOOKS__TIMEOUT_SECONDS": "2",
            "SWITCHBOARD_WEBHOOKS__ALLOW_HOSTS": json.dumps([f"http://127.0.0.1:{there.port}"]),
            "SWITCHBOARD_ACCOUNTS__HELP__CHANNEL": "mail",
            "SWITCHBOARD_ACCOUNTS__HELP__ADDRESSES": '["help@example.org"]',
        }
        with running_daemon(settings) as daemon:
            refused = daemon.cli("webhooks", "add", "http://127.0.0.1:1/", check=False)
            assert (refused.returncode, "webhooks.allow_hosts" in refused.stderr) == (2, True)
            made = daemon.json("webhooks", "add", f"http://127.0.0.1:{there.port}/in", "--name", "crm")
            send(daemon, 1)
            daemon.wait_until(lambda: len(there.got) == 1, seconds=60, what="sent")
            daemon.kill_child("webhooks")
            send(daemon, 2)
            there.open.set()
            daemon.wait_until(lambda: len(set(there.ids())) == 2, seconds=60, what="sent after the kill")
            daemon.wait_until(lambda: _states(daemon) == ["delivered", "delivered"], seconds=60, what="delivered")
            assert there.ids().count(there.ids()[0]) >= 2
            found = {event["id"]: event["type"] for event in there.events(made["secret"])}
            assert list(found.values()) == ["ticket.created", "ticket.created"]
            assert daemon.cli("webhooks", "test", "1").stdout.startswith("accepted: it answers 204")
            assert there.events(made["secret"])[-1]["type"] == "webhook.test"
            assert 'switchboard_webhook_tries_total{endpoint="1",process="webhooks",state="delivered"}' in daemon.get(
                "/metrics"
            )
            assert made["secret"][6:] not in daemon.log
            assert daemon.cli("webhooks", "show", "1").stdout.count(made["secret"][6:]) == 0


def _states(daemon: RunningDaemon) -> list[str]:
    return [row["state"] for row in daemon.json("webhooks", "log", "1")]
