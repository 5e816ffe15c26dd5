"""Held messages from the command line: shown as they came, placed and discarded one or many at a time."""

import mailbox
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from running_daemon import RunningDaemon, running_daemon

from schemas.numbers import shown

pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def mail(name: str, sender: str, subject: str, *, answers: str = "") -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "support@example.org", subject
    made["Message-ID"] = f"<{name}@customer.example>"
    if answers:
        made["In-Reply-To"] = f"<{answers}@customer.example>"
    made.set_content("How are you?")
    return made


@pytest.fixture
def daemon() -> Iterator[RunningDaemon]:
    """A daemon with a ticket of Ana's, and five messages that are held."""
    with running_daemon() as started:
        box = mailbox.mbox(started.folder / "box.mbox")
        box.add(mail("a", "ana@customer.example", "Help"))
        for number in range(5):
            box.add(mail(f"lost-{number}", f"c{number}@x.example", "Re: gone", answers="nobody-knows"))
        box.close()
        started.json("import", str(started.folder / "box.mbox"))
        started.settle(6)
        yield started


def fails(daemon: RunningDaemon, *arguments: str, code: int) -> str:
    done = daemon.cli(*arguments, check=False)
    assert done.returncode == code, done
    assert "Traceback" not in done.stderr
    return done.stderr


def test_held_messages_are_linked_opened_and_discarded(daemon: RunningDaemon) -> None:
    held = daemon.json("spool", "list")
    assert {"id", "reason", "subject", "sender"} <= held[0].keys()
    assert {line["reason"] for line in held} == {"unmatched_reply"}
    (number,) = [t["number"] for t in daemon.json("tickets", "list", "--requester", "ana@customer.example")]
    first, second, third, *others = (str(line["id"]) for line in held)
    assert daemon.json("spool", "show", first)["text"].strip() == "How are you?"
    assert f"is on ticket {shown(number)}" in daemon.cli("spool", "link", first, shown(number)).stdout
    assert "is on ticket" in daemon.cli("spool", "open", second).stdout
    raw = daemon.folder / "third.eml"
    daemon.cli("spool", "show", third, "--raw", str(raw))
    assert b"Message-ID: <lost-" in raw.read_bytes()
    assert "is there already" in fails(daemon, "spool", "show", third, "--raw", str(raw), code=3)
    likely = daemon.json("spool", "list")[0]["suggestions"]
    assert {"ticket", "why", "score"} == likely[0].keys()
    assert f"might belong to: {shown(likely[0]['ticket'])}: " in daemon.cli("spool", "show", third).stdout
    assert "stays held" in daemon.cli("spool", "release", third, "--by", "Rita").stdout
    assert "would be discarded" in daemon.cli("spool", "discard", third, "--dry-run").stdout
    assert "is discarded" in daemon.cli("spool", "discard", third, "--by", "Rita").stdout
    assert daemon.cli("spool", "discard", *others).stdout.count("is discarded") == 2
    assert daemon.json("spool", "list") == []
    assert fails(daemon, "spool", "discard", third, *others, code=0) == ""
    assert "is not held" in fails(daemon, "spool", "open", third, code=4)
    ledger = daemon.json("ledger")
    assert (ledger["held"], ledger["discarded"], ledger["balanced"]) == (0, 3, True)
