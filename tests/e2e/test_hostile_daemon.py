"""Hostile mails and bombs to a running daemon while customers write: nobody waits, nothing dies, the log is clean."""

import asyncio
from collections.abc import Sequence

import pytest
from daemon_mail import Answered, send_over
from hostile_mails import SECRET, bomb, small_mails, with_file
from mail_samples import mail
from running_daemon import RunningDaemon, running_daemon

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

PATIENCE = 30.0
"""Seconds that a customer's mail may take beside all this, on a machine that does other things too."""

BOMBS = 4
CUSTOMERS = 100


def customers_mail(number: int) -> bytes:
    raw = mail(b"Message-ID: <order%d@customer.example>" % number, b"Subject: %s order %d" % (SECRET.encode(), number))
    return raw.replace(b"ann@home.example", b"customer%d@customer.example" % number)


def hostile() -> list[bytes]:
    bombs = [bomb().replace(b"bomb@", b"bomb%d@" % number) for number in range(BOMBS)]
    return [*bombs, with_file(25_000_000), *small_mails().values()]


async def send_both(port: int) -> tuple[Sequence[Answered], Sequence[Answered]]:
    """Send hostile mails over three sessions and customers' mails over two, at the same time."""
    customers = [customers_mail(number) for number in range(CUSTOMERS)]
    return await asyncio.gather(send_over(port, hostile(), sessions=3), send_over(port, customers, sessions=2))


def test_customers_are_served_while_bombs_come_and_all_is_counted() -> None:
    with running_daemon() as daemon:
        processes = [daemon.child("ingest"), daemon.child("route")]
        bad, good = asyncio.run(send_both(daemon.smtp_port))
        assert {one.answer[:24] for one in (*bad, *good)} == {"250 2.0.0 Ok: stored as "}
        assert max(one.seconds for one in good) < PATIENCE
        ledger = daemon.settle(len(bad) + len(good))
        assert (ledger["accepted"], ledger["dead_lettered"]) == (len(bad) + len(good), 0)
        assert daemon.cli("ledger").returncode == 0
        assert [daemon.child("ingest"), daemon.child("route")] == processes
        assert daemon.is_ready()
        has_their_tickets(daemon)
        assert "smtp listening" in daemon.log
        assert SECRET not in daemon.log
        assert "customer.example" not in daemon.log
        assert "home.example" not in daemon.log


def has_their_tickets(daemon: RunningDaemon) -> None:
    """Find a ticket of his own for every customer, and every bomb among the held."""
    tickets = daemon.json("tickets", "list", "--limit", "10000")
    requesters = [ticket["requester"] for ticket in tickets if ticket["requester"].endswith("@customer.example")]
    assert sorted(requesters) == sorted(f"customer{number}@customer.example" for number in range(CUSTOMERS))
    held = daemon.json("spool", "list", "--reason", "undecodable", "--limit", "10000")
    assert {row["sender"] for row in held} >= {f"bomb{number}@home.example" for number in range(BOMBS)}
