"""The way back through a running daemon: mail in, reply by command, the customer's answer on the same ticket."""

import smtplib
import time
from collections.abc import Iterator

import pytest
from running_daemon import RunningDaemon, running_daemon
from way_back import customers_mail, messages, opened, replied, send, through

from doubles.mail_relay import MailRelay, mail_relay

pytestmark = [pytest.mark.postgres]


@pytest.fixture(scope="module")
def relay() -> Iterator[MailRelay]:
    with mail_relay() as found:
        yield found


@pytest.fixture(scope="module")
def daemon(relay: MailRelay) -> Iterator[RunningDaemon]:
    with running_daemon(through(relay)) as found:
        yield found


BOUNCE = """\
From: MAILER-DAEMON@mx.example
To: support@localhost
Subject: Undelivered Mail Returned to Sender
Message-ID: <bounce1@mx.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_b"

--=_b
Content-Type: text/plain

I'm sorry: user unknown

--=_b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; jan@j.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 user unknown

--=_b--
"""


def test_an_answer_by_in_reply_to_alone_joins_the_ticket(daemon: RunningDaemon, relay: MailRelay) -> None:
    ticket = opened(daemon, "ana@a.example", "<a1@a.example>")
    sent = replied(daemon, relay, ticket, "ana@a.example")
    assert sent.mail["In-Reply-To"] == "<a1@a.example>"
    assert sent.mail["Subject"].startswith("Re: [#")
    answer = customers_mail(
        "ana@a.example",
        f"Re: {ticket['subject']}",
        In_Reply_To=str(sent.mail["Message-ID"]),
        Message_ID="<a2@a.example>",
    )
    send(daemon, answer, "support@desk.example")
    found = messages(daemon, ticket["number"], 3)
    assert found[2]["decision"]["rule"] == "signed_id"


def test_an_answer_to_the_reply_address_alone_joins_the_ticket(daemon: RunningDaemon, relay: MailRelay) -> None:
    ticket = opened(daemon, "bob@b.example", "<b1@b.example>")
    sent = replied(daemon, relay, ticket, "bob@b.example")
    address = str(sent.mail["Reply-To"])
    assert sent.mail_from == address
    answer = customers_mail("bob@b.example", f"Re: {ticket['subject']}", to=address, Message_ID="<b2@b.example>")
    send(daemon, answer, address)
    found = messages(daemon, ticket["number"], 3)
    assert found[2]["decision"]["rule"] == "reply_token"


def test_an_answer_by_references_alone_joins_the_ticket(daemon: RunningDaemon, relay: MailRelay) -> None:
    ticket = opened(daemon, "cid@c.example", "<c1@c.example>")
    sent = replied(daemon, relay, ticket, "cid@c.example")
    chain = f"<c1@c.example> {sent.mail['Message-ID']}"
    subject = f"Re: {ticket['subject']}"
    answer = customers_mail("cid@c.example", subject, References=chain, Message_ID="<c2@c.example>")
    send(daemon, answer, "support@desk.example")
    found = messages(daemon, ticket["number"], 3)
    assert found[2]["decision"]["rule"] == "signed_id"


def test_an_answer_to_a_mail_whose_ids_a_relay_rewrote_joins_by_the_reply_address(
    daemon: RunningDaemon, relay: MailRelay
) -> None:
    ticket = opened(daemon, "ida@i.example", "<i1@i.example>")
    sent = replied(daemon, relay, ticket, "ida@i.example")
    address = str(sent.mail["Reply-To"])
    rewritten = {"In_Reply_To": "<0100-ses@relay.example>", "References": "<0100-ses@relay.example>"}
    answer = customers_mail(
        "ida@i.example", f"Re: {ticket['subject']}", to=address.upper(), Message_ID="<i2@i.example>", **rewritten
    )
    send(daemon, answer, address.upper())
    assert messages(daemon, ticket["number"], 3)[2]["decision"]["rule"] == "reply_token"


def test_a_bounce_changes_the_state_of_its_mail_and_the_next_reply_warns(
    daemon: RunningDaemon, relay: MailRelay
) -> None:
    ticket = opened(daemon, "jan@j.example", "<j1@j.example>")
    sent = replied(daemon, relay, ticket, "jan@j.example")
    with smtplib.SMTP("127.0.0.1", daemon.smtp_port) as client:
        client.sendmail("", [sent.mail_from], BOUNCE.replace("\n", "\r\n").encode())

    def bounced() -> bool:
        found = daemon.json("tickets", "show", ticket["number"])["messages"][1]["sending"]["recipients"][0]
        return bool(found["state"] == "bounced")

    daemon.wait_until(bounced, seconds=30, what="bounced", every=0.5)
    shown = daemon.json("tickets", "show", ticket["number"])
    assert len(shown["messages"]) == 2
    said = daemon.cli("tickets", "reply", ticket["number"], "--text", "Again")
    assert "jan@j.example did not take the last mail" in said.stderr


def test_an_answer_is_known_after_a_rotation_and_proves_nothing_after_its_key_retired(
    daemon: RunningDaemon, relay: MailRelay
) -> None:
    ticket = opened(daemon, "kim@k.example", "<k1@k.example>")
    sent = replied(daemon, relay, ticket, "kim@k.example")
    address, subject = str(sent.mail["Reply-To"]), f"Re: {ticket['subject']}"
    daemon.cli("keys", "rotate")
    send(daemon, customers_mail("kim@k.example", subject, to=address, Message_ID="<k2@k.example>"), address)
    assert messages(daemon, ticket["number"], 3)[2]["decision"]["rule"] == "reply_token"
    daemon.cli("keys", "retire", str(daemon.json("keys", "list")[-2]["id"]))
    time.sleep(31)  # for so long a router may believe a retired key
    send(daemon, customers_mail("kim@k.example", subject, to=address, Message_ID="<k3@k.example>"), address)
    found = messages(daemon, ticket["number"], 4)[3]["decision"]
    assert found["rule"] == "sender"
    assert {rejected["gate"] for rejected in found["rejected"]} == {"token"}
