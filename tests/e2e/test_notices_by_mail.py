"""A file of 25 MB by real SMTP to a running daemon: one notice arrives at a real relay, and the next mail gets none."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest
from running_daemon import RunningDaemon, running_daemon

from doubles.mail_relay import MailRelay, Relayed, mail_relay

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

LARGE = bytes(25 * 1024 * 1024)


def written(name: str, sender: str = "ana@customer.example", *, file: bytes = b"", **headers: str) -> EmailMessage:
    made = EmailMessage()
    made["From"], made["To"] = f"Ana Costa <{sender}>", "support@example.org"
    made["Subject"], made["Message-ID"] = f"Drawings {name}", f"<{name}@customer.example>"
    for header, value in headers.items():
        made[header.replace("_", "-")] = value
    made.set_content("Here they are, with a SECRET-WORD.")
    if file:
        made.add_attachment(file, maintype="application", subtype="zip", filename="drawings.zip")
    return made


def send(daemon: RunningDaemon, *mails: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", daemon.smtp_port, timeout=60) as smtp:
        for one in mails:
            smtp.send_message(one)


@pytest.fixture(scope="module")
def relay() -> Iterator[MailRelay]:
    with mail_relay() as found:
        yield found


@pytest.fixture(scope="module")
def daemon(relay: MailRelay) -> Iterator[RunningDaemon]:
    settings = {
        "SWITCHBOARD_OUTBOUND__SMTP__HOST": "127.0.0.1",
        "SWITCHBOARD_OUTBOUND__SMTP__PORT": str(relay.port),
        "SWITCHBOARD_ACCOUNTS__SUPPORT__ADDRESSES": "support@example.org",
        "SWITCHBOARD_ACCOUNTS__SUPPORT__POLICY__SENDER_MATCH": "any",
        "SWITCHBOARD_ACCOUNTS__SUPPORT__NOTICES__LANGUAGE": "pt",
        "SWITCHBOARD_ACCOUNTS__SUPPORT__NOTICES__RECEIPT": "true",
        "SWITCHBOARD_ACCOUNTS__FILTER__ADDRESSES": "filter@example.org",
        "SWITCHBOARD_ACCOUNTS__FILTER__POLICY__SENDER_MATCH": "any",
        "SWITCHBOARD_ACCOUNTS__FILTER__POLICY__TAKES": "replies",
        "SWITCHBOARD_ACCOUNTS__FILTER__NOTICES__LANGUAGE": "ru",
        "SWITCHBOARD_ACCOUNTS__FILTER__NOTICES__HELD": "true",
    }
    with running_daemon(settings) as started:
        yield started


def settled(daemon: RunningDaemon, count: int) -> list[tuple[str, str]]:
    """Wait until so many notices are no longer due; give reason and state of each, the oldest first."""
    found: list[tuple[str, str]] = []

    def done() -> bool:
        rows = daemon.json("notices", "list")
        found[:] = [(row["reason"], row["state"]) for row in reversed(rows)]
        return len(rows) >= count and all(state != "due" for _, state in found)

    daemon.wait_until(done, seconds=60, what=f"settled with {count} notices", every=0.3)
    return found


def arrived(daemon: RunningDaemon, relay: MailRelay, count: int) -> list[Relayed]:
    daemon.wait_until(lambda: len(relay.taken) >= count, seconds=60, what=f"told {count} times")
    return relay.taken


def test_one_notice_of_a_refused_file_arrives_and_the_next_mail_the_same_day_gets_none(
    daemon: RunningDaemon, relay: MailRelay
) -> None:
    send(daemon, written("one", file=LARGE))
    (told,) = arrived(daemon, relay, 1)
    (ticket,) = daemon.json("tickets", "list")
    number = f"{ticket['number'][:3]}-{ticket['number'][3:6]}-{ticket['number'][6:]}"
    assert (told.mail_from.strip("<>"), told.rcpt_to) == ("", ("ana@customer.example",))
    assert told.mail["Subject"] == f"Re: [#{number}] Drawings one"
    assert told.mail["In-Reply-To"] == "<one@customer.example>"
    assert told.mail["From"].addresses[0].addr_spec == "support@example.org"
    assert told.mail["Auto-Submitted"] == "auto-replied"
    assert told.mail["X-Auto-Response-Suppress"] == "All"
    assert told.mail["X-Loop"].startswith("sb.")
    assert not list(told.mail.iter_attachments())
    text = told.mail.get_content()
    assert "drawings.zip (25 MB)" in text
    assert number in text
    assert "SECRET-WORD" not in text

    send(daemon, written("two", file=LARGE))
    assert settled(daemon, 2) == [("refused_file", "sent"), ("refused_file", "suppressed")]
    assert len(relay.taken) == 1


def test_the_ticket_shows_what_the_system_told_the_sender(daemon: RunningDaemon) -> None:
    numbers = [row["number"] for row in daemon.json("tickets", "list")]
    shown = [daemon.json("tickets", "show", number)["messages"] for number in numbers]
    system = [message for messages in shown for message in messages if message["direction"] == "out"]
    assert ["drawings.zip (25 MB)" in message["text"] for message in system] == [True]


def test_an_automatic_answer_to_the_notice_is_told_nothing(daemon: RunningDaemon, relay: MailRelay) -> None:
    answer = written(
        "away", file=LARGE, Auto_Submitted="auto-replied", In_Reply_To=str(relay.taken[0].mail["Message-ID"])
    )
    before = daemon.json("ledger")["accepted"]
    send(daemon, answer, written("list", "bob@customer.example", file=LARGE, List_Id="<l.customer.example>"))
    daemon.settle(before + 2)
    assert settled(daemon, 2) == [("refused_file", "sent"), ("refused_file", "suppressed")]
    assert len(relay.taken) == 1


def test_a_persons_answer_to_the_notice_stands_on_its_ticket(daemon: RunningDaemon, relay: MailRelay) -> None:
    notice = relay.taken[0].mail
    answer = written("link", In_Reply_To=str(notice["Message-ID"]))
    del answer["Subject"]
    answer["Subject"] = f"Re: {notice['Subject']}"
    before = daemon.json("ledger")["accepted"]
    send(daemon, answer)
    daemon.settle(before + 1)
    (number,) = [row["number"] for row in daemon.json("tickets", "list") if row["subject"] == "Drawings one"]
    subjects = [message["subject"] for message in daemon.json("tickets", "show", number)["messages"]]
    assert str(answer["Subject"]) in subjects


def test_who_writes_something_new_to_an_account_for_replies_is_told_so(daemon: RunningDaemon, relay: MailRelay) -> None:
    mail = written("new", "carl@customer.example")
    del mail["To"]
    mail["To"] = "filter@example.org"
    before = len(relay.taken)
    send(daemon, mail)
    told = arrived(daemon, relay, before + 1)[-1]
    assert told.rcpt_to == ("carl@customer.example",)
    assert told.mail["Subject"] == "Re: Drawings new"
    assert "filter@example.org принимает только" in told.mail.get_content()
    (held,) = daemon.json("spool", "list", "--account", "filter")
    assert held["reason"] == "replies_only"


def test_the_ledger_balances_and_the_metrics_count_both(daemon: RunningDaemon) -> None:
    assert daemon.json("ledger")["balanced"]
    page = daemon.get("/metrics")
    counted = [line for line in page.splitlines() if line.startswith("switchboard_notices_total")]
    assert {line.rpartition("}")[0].count("sent") for line in counted} == {0, 1}
