"""Line ends smuggled through subjects, names, addresses and file names: no header of ours breaks on them."""

from email import message_from_bytes
from email.policy import SMTP
from typing import Any

import pytest
from forgery import EVE, victim
from hypothesis import given
from hypothesis import strategies as st
from routing_lab import START
from scenario_theatre import Theatre

from connectors.mail.compose import MailLetter, compose
from router.recipients import NotSaidError
from schemas.message import Party, Text
from schemas.tokens import message_id_with

USUAL = {
    *("From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "X-Loop"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted", "X-Auto-Response-Suppress"),
}
"""Every header that a mail of ours may have."""

EVIL = [
    "Printer\r\nBcc: eve@elsewhere.example",
    "Printer\nBcc: eve@elsewhere.example",
    "Printer\rBcc: eve@elsewhere.example",
    "Printer\r\n\r\nSecond body",
    "Printer\r\n\tBcc: eve@elsewhere.example",
    "Printer\u2028Bcc: eve@elsewhere.example",
    "Printer\u0085Bcc: eve@elsewhere.example",
    "Printer\x0bBcc: eve@elsewhere.example\x0c",
    "Printer\x00Bcc: eve@elsewhere.example",
]


def encoded(text: str) -> str:
    """Write a text as an encoded word, which brings any octet through a header."""
    return "=?utf-8?q?" + "".join(f"={octet:02X}" for octet in text.encode()) + "?="


def check_mail(raw: bytes) -> None:
    mail = message_from_bytes(raw, policy=SMTP)
    assert {name for name in mail if name not in USUAL} == set()
    assert len(mail.keys()) == len({name.lower() for name in mail})
    assert not mail.defects
    head = raw.partition(b"\r\n\r\n")[0]
    assert b"\r" not in head.replace(b"\r\n", b"")
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\0" not in raw


def broken(value: Any) -> list[str]:
    """Give every text in stored data that could end a line."""
    if isinstance(value, dict):
        return [found for inner in value.values() for found in broken(inner)]
    if isinstance(value, list):
        return [found for inner in value for found in broken(inner)]
    return [value] if isinstance(value, str) and set(value) & set("\r\n\0\x0b\x0c\x85") else []


@pytest.mark.parametrize("evil", EVIL)
def test_what_a_customer_smuggles_in_breaks_no_header_of_ours_and_is_not_kept(theatre: Theatre, evil: str) -> None:
    case = victim(theatre)
    raw = (
        f"From: {encoded(evil)} <eve@elsewhere.example>\r\nTo: {encoded(evil)} <support@desk.example>\r\n"
        f"Cc: {encoded(evil)} <mallory@elsewhere.example>\r\nSubject: {encoded(evil)}\r\n"
        f"Message-ID: <evil@elsewhere.example>\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        f"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b\r\nContent-Type: application/octet-stream\r\n"
        f'Content-Disposition: attachment; filename="{encoded(evil)}"\r\n\r\nx\r\n--b--\r\n'
    )
    case.attack(raw=raw, verdict="pass")
    row = case.message("attack")
    kept = {key: row[key] for key in ("sender", "subject", "details", "decision")}
    assert broken(kept) == []
    case.do(reply="answer", to_ticket_of="attack", everyone=True)
    sent = [one for one in case.stage.office.relay.sent if EVE in one.recipients]
    assert sent
    for one in sent:
        check_mail(one.mail.raw)
        assert "victim" not in one.mail.raw.decode("utf-8", "replace")
    case.check_untouched()


@pytest.mark.parametrize("evil", EVIL)
def test_an_address_that_could_break_a_header_is_no_recipient(theatre: Theatre, evil: str) -> None:
    case = victim(theatre)
    outbound = case.stage.office.outbound
    with pytest.raises(NotSaidError):
        theatre.run(
            outbound.reply(case.number, Text(content="x"), by="rui", cc=[evil.replace("Printer", "a@b.example")])
        )
    case.check_untouched()


texts = st.text(st.characters(codec="utf-8"), max_size=60)
ids = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), max_size=3)


@given(subject=texts, name=texts, mine=texts, text=texts, quoted=ids)
def test_no_subject_name_or_id_gives_a_mail_of_ours_another_header(
    subject: str, name: str, mine: str, text: str, quoted: list[str]
) -> None:
    letter = MailLetter(
        message_id=message_id_with("a" * 40, "desk.example"),
        sender=Party(address="support@desk.example", name=mine),
        to=(Party(address="ana@customer.example", name=name),),
        cc=(),
        subject=subject,
        text=text,
        date=START,
        in_reply_to=quoted,
        references=quoted,
    )
    check_mail(compose(letter))
