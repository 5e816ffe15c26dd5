# ruff: noqa: RUF001 - texts stand in the scripts of their languages
"""Who wrote what somebody forwards: read from the block of every client, and from attached mails."""

import pytest
from mail_samples import delivery, mail

from connectors.mail.normalize import normalize
from schemas.message import Party

BLOCKS = {
    "gmail": "---------- Forwarded message ---------\nFrom: Ana Costa <ana@home.example>\nTo: agent@shop.example\n\nHi",
    "outlook": "From: Ana Costa [mailto:ana@home.example]\nSent: Monday\nTo: Agent\nSubject: Printer\n\nHi",
    "apple": "Begin forwarded message:\n\n> From: Ana Costa <ana@home.example>\n> Subject: Printer\n\n> Hi",
    "portuguese": "Encaminho.\n\n*De:* Ana Costa <ana@home.example>\n*Enviada:* segunda\n\nOlá",
    "german": "-------- Weitergeleitete Nachricht --------\nVon: Ana Costa <ana@home.example>\nAn: x\n\nHallo",
    "russian": "-------- Пересылаемое сообщение --------\nОт: Ana Costa <ana@home.example>\nКому: x\n\nПривет",
    "thunderbird": "-------- Forwarded Message --------\nSubject: \tHi\nFrom: \tAna Costa <ana@home.example>\n\nHi",
}


def forwarded(subject: str, text: str) -> Party | None:
    raw = mail(f"Subject: {subject}".encode(), b"Content-Type: text/plain; charset=utf-8", body=text.encode() + b"\r\n")
    return normalize(delivery(raw)).message.forwarded


@pytest.mark.parametrize("client", BLOCKS)
@pytest.mark.parametrize("prefix", ["Fwd", "WG", "ENC", "TR", "Пересл", "RV"])
def test_a_forward_names_who_wrote_what_is_inside(client: str, prefix: str) -> None:
    assert forwarded(f"{prefix}: Printer", BLOCKS[client]) == Party(address="ana@home.example", name="Ana Costa")


def test_an_attached_mail_names_its_sender() -> None:
    inner = b"From: Ana <ana@home.example>\r\nSubject: Printer\r\n\r\nHi\r\n"
    parts = b"--limit\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"--limit--\r\n"
    raw = mail(b"Subject: Fwd: Printer", b"Content-Type: multipart/mixed; boundary=limit", body=parts)
    found = normalize(delivery(raw)).message.forwarded
    assert found is not None
    assert found.address == "ana@home.example"


@pytest.mark.parametrize("block", ["outlook", "portuguese"])
def test_a_quoted_header_in_an_answer_is_no_forward(block: str) -> None:
    assert forwarded("Re: Printer", BLOCKS[block]) is None


def test_prose_about_a_forwarded_message_forwards_nothing() -> None:
    text = "The forwarded message was empty.\n\n-----Original Message-----\nFrom: Bob <bob@home.example>\n\nHi"
    assert forwarded("Re: Printer", text) is None


def test_a_forward_that_names_nobody_names_nobody() -> None:
    assert forwarded("Fwd: Printer", "Look at this.") is None
    assert forwarded("Fwd: Printer", "From: somebody without an address\n\nHi") is None


@pytest.mark.parametrize("place", ["Re: [#{}] Printer", "Printer [#{}]", "[#{}] Re: Printer"])
def test_our_own_tag_is_no_part_of_the_subject(place: str) -> None:
    subject = place.format("482-917-3057")
    thread = normalize(delivery(mail(f"Subject: {subject}".encode()))).message.thread
    assert thread.subject_base == "printer"
