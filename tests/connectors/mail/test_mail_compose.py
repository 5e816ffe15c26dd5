"""Mail of ours as bytes: always the same, whole in every reader, and nothing in it can end a header."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.compose import Attached, CannotComposeError, MailLetter, compose
from connectors.mail.parse import parse
from schemas.message import Party

TOKEN = "a" * 40
NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
DESK = Party(address="support@desk.example", name="Desk")
ANA = Party(address="ana@a.example", name="Ana")


def letter(**more: Any) -> MailLetter:
    values: dict[str, Any] = {
        "message_id": f"sb.{TOKEN}@desk.example",
        "sender": DESK,
        "to": [ANA],
        "cc": [],
        "subject": "Re: [#482-917-3056] Printer",
        "text": "Try again.",
        "date": NOON,
    }
    return MailLetter(**values | more)


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def test_it_carries_what_answers_need_to_find_their_ticket() -> None:
    mail = read(compose(letter(in_reply_to=["<a@x.example>"], references=["<r@x.example>", "<a@x.example>"])))
    assert mail["Message-ID"] == f"<sb.{TOKEN}@desk.example>"
    assert mail["Reply-To"] == f"support+r{TOKEN}@desk.example"
    assert mail["X-Loop"] == f"sb.{TOKEN}"
    assert mail["In-Reply-To"] == "<a@x.example>"
    assert str(mail["References"]).split() == ["<r@x.example>", "<a@x.example>"]
    assert (mail["From"], mail["To"]) == ("Desk <support@desk.example>", "Ana <ana@a.example>")
    assert mail.get_content() == "Try again.\r\n"
    assert mail["Auto-Submitted"] is None


def test_what_a_machine_says_asks_machines_for_silence() -> None:
    mail = read(compose(letter(automatic=True)))
    assert (mail["Auto-Submitted"], mail["X-Auto-Response-Suppress"]) == ("auto-replied", "All")


def test_the_same_letter_is_the_same_bytes() -> None:
    files = [Attached(name="a.pdf", content_type="application/pdf", content=b"%PDF" * 99)]
    assert compose(letter(files=files)) == compose(letter(files=files))


def test_long_ids_are_never_broken() -> None:
    long = f"<{'x' * 180}@mail.example>"
    raw = compose(letter(in_reply_to=[long], references=[long, f"<sb.{TOKEN}@desk.example>"]))
    assert raw.count(long.encode()) == 2
    assert b"=?" not in raw.split(b"\r\n\r\n")[0]


@given(st.text(max_size=300), st.text(max_size=300), st.lists(st.text(max_size=60), max_size=4), st.text(max_size=300))
def test_no_name_subject_id_or_file_can_end_a_header(name: str, subject: str, ids: list[str], file: str) -> None:
    raw = compose(
        letter(
            sender=Party(address=DESK.address, name=name),
            to=[Party(address=ANA.address, name=name)],
            subject=subject,
            in_reply_to=ids,
            references=ids,
            files=[Attached(name=file, content_type=file, content=b"x")],
        )
    )
    mail = read(raw)
    known = {
        "date", "from", "to", "reply-to", "subject", "message-id", "in-reply-to", "references", "x-loop",
        "content-type", "mime-version",
    }  # fmt: skip
    assert {key.lower() for key in mail.keys()} <= known  # noqa: SIM118 - a mail has no keys but by asking
    assert len(mail.get_all("to", [])) == len(mail.get_all("from", [])) == 1
    head = raw.split(b"\r\n\r\n")[0]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert max(map(len, head.split(b"\r\n"))) < 998
    parsed = parse(raw)
    assert (parsed.sender.address, [to.address for to in parsed.to]) == (DESK.address, [ANA.address])


@pytest.mark.parametrize(
    "subject", ["Принтер не печатает " * 9, "a" * 300, "日本語の件名", "=?utf-8?q?not_encoded?=", ""]
)
def test_subjects_arrive_as_they_were_written(subject: str) -> None:
    assert parse(compose(letter(subject=subject))).subject == " ".join(subject.split())


@pytest.mark.parametrize("text", ["Olá, já está.\n", "Здравствуйте!\n" * 50, ".\n..\nFrom here\n", "x" * 3000 + "\n"])
def test_texts_arrive_as_they_were_written(text: str) -> None:
    raw = compose(letter(text=text))
    assert read(raw).get_content().replace("\r\n", "\n") == text
    assert max(map(len, raw.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("address", ["ana@a.example\r\nBcc: x@y.example", "a b@c.example", "ana", "<a@b.example>", ""])
def test_what_is_no_address_makes_no_mail(address: str) -> None:
    with pytest.raises(CannotComposeError):
        compose(letter(to=[Party(address=address)]))


@pytest.mark.parametrize("end", [">\r\nBcc: evil@e.example\r\nX: <y", " ", "\n", "é", "x" * 1000])
def test_no_message_id_can_end_its_header(end: str) -> None:
    with pytest.raises(CannotComposeError):
        compose(letter(message_id=f"sb.{TOKEN}@desk.example{end}"))


def test_references_keep_the_first_and_the_last_ids() -> None:
    ids = [f"<{number}@mail.example>" for number in range(400)]
    written = str(read(compose(letter(references=ids)))["References"]).split()
    assert written == [ids[0], *ids[-20:]]


def test_a_letter_without_a_token_or_recipients_makes_no_mail() -> None:
    with pytest.raises(CannotComposeError):
        compose(letter(message_id="other@desk.example"))
    with pytest.raises(CannotComposeError):
        compose(letter(to=[]))


@pytest.mark.parametrize("content_type", ["message/rfc822", "multipart/mixed", "x", "text/html; a=b", "a/b\r\nX: y"])
def test_an_attachment_is_never_read_as_a_part_of_the_mail(content_type: str) -> None:
    raw = compose(letter(files=[Attached(name="счёт.eml", content_type=content_type, content=b"Subject: inner\n\nx")]))
    (part,) = read(raw).iter_attachments()
    assert part.get_content_type() == "application/octet-stream"
    assert part.get_filename() == "счёт.eml"
