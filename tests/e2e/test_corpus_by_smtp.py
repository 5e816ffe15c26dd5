"""Real-world mail by SMTP to a running daemon: every one is accepted, has one outcome, and is counted."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from daemon_mail import send_over
from mail_samples import CORPUS
from running_daemon import RunningDaemon, running_daemon

from connectors.mail.report import report

MAILS = [path.read_bytes() for path in sorted((CORPUS / "messages").rglob("*")) if path.is_file()]
ALL = "10000"
"""More than there are, for listings."""

COUNTED = (
    *("accepted", "ticketed", "held", "dead_lettered", "duplicates", "noted", "discarded", "erased"),
    *("in_flight", "refused"),
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.skipif(not MAILS, reason="the corpus of real-world mail is not beside this checkout"),
]


def test_every_mail_of_the_corpus_is_counted_and_sent_again_it_is_a_duplicate() -> None:
    with running_daemon() as daemon:
        send(daemon, MAILS)
        first = daemon.settle(len(MAILS))
        assert (first["accepted"], first["refused"], first["dead_lettered"]) == (len(MAILS), 0, 0)
        are_listed(daemon, first)
        send(daemon, MAILS[::-1])
        daemon.settle(2 * len(MAILS))
        is_balanced(daemon, {**first, "accepted": 2 * len(MAILS), "duplicates": first["duplicates"] + len(MAILS)})
        assert "smtp listening" in daemon.log
        assert [found for found in texts(MAILS) if found in daemon.log] == []


def send(daemon: RunningDaemon, mails: Sequence[bytes]) -> None:
    answers = asyncio.run(send_over(daemon.smtp_port, mails, sessions=4))
    assert {one.answer[:24] for one in answers} == {"250 2.0.0 Ok: stored as "}


def is_balanced(daemon: RunningDaemon, expected: dict[str, Any]) -> None:
    """Ask the command whose exit code says that nothing was lost."""
    ledger = json.loads(daemon.cli("ledger", "--json").stdout)
    assert {name: ledger[name] for name in COUNTED} == {name: expected[name] for name in COUNTED}
    assert ledger["balanced"] is True


def are_listed(daemon: RunningDaemon, ledger: dict[str, Any]) -> None:
    """Compare the ledger with the listings that people work from."""
    tickets = daemon.json("tickets", "list", "--limit", ALL)
    held = daemon.json("spool", "list", "--limit", ALL)
    assert sum(ticket["message_count"] for ticket in tickets) == ledger["ticketed"] > 0
    assert len(held) == ledger["held"] > 0
    assert ledger["ticketed"] + ledger["held"] + ledger["duplicates"] + ledger["noted"] == len(MAILS)


def texts(mails: Iterable[bytes]) -> Iterator[str]:
    """Give what no log may hold: addresses, subjects, ids, and lines of text long enough to be nobody else's."""
    for raw in mails:
        found = report(raw)
        short = (found["from"]["address"], found["subject"], found["message_id"])
        yield from (text for text in short if len(text) > 12)
        yield from (line for line in found["text"].splitlines()[:50] if len(line.strip()) > 20)
