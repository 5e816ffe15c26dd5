"""A mail that is sent on arrives as it came, with who sent it on in front, and cannot smuggle anything."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.parse import parse
from connectors.mail.resend import MAX_HOPS, NotResentError, resend

AT = datetime(2023, 12, 5, 9, tzinfo=UTC)
HEAD = b"From: Ana <ana@a.example>\r\nTo: support@desk.example\r\nSubject: #4711\r\nMessage-ID: <m1@a.example>\r\n"
MAIL = HEAD + b"\r\nHello\r\n"


def sent_on(raw: bytes) -> bytes:
    return resend(raw, sender="support@desk.example", to="in@portal.example", resent_id="f1@desk.example", at=AT)


def test_it_keeps_its_author_id_and_text_and_says_who_sent_it_on() -> None:
    done = sent_on(MAIL)
    assert done.endswith(MAIL)
    assert done.removesuffix(MAIL).decode() == (
        "Resent-Date: Tue, 05 Dec 2023 09:00:00 +0000\r\nResent-From: support@desk.example\r\n"
        "Resent-To: in@portal.example\r\nResent-Message-ID: <f1@desk.example>\r\n"
    )
    assert sent_on(MAIL) == done


def test_bare_line_ends_become_crlf_so_that_nothing_ends_the_next_data() -> None:
    done = sent_on(MAIL + b"a\n.\nMAIL FROM:<eve@e.example>\r.\rb")
    assert b"\n" not in done.replace(b"\r\n", b"")
    assert b"\r" not in done.replace(b"\r\n", b"")


def test_fields_of_another_delivery_and_mbox_lines_do_not_go_on() -> None:
    front = b"From x Tue\nReturn-Path: <ana@a.example>\r\nDelivered-To: a,\r\n b\r\nBCC: secret@s.example\r\n"
    done = sent_on(front + MAIL)
    assert done.endswith(MAIL)
    assert b"secret" not in done
    assert b"Delivered-To" not in done


def test_a_field_that_stands_in_the_body_stays() -> None:
    assert b"Return-Path: <x@y.example>" in sent_on(MAIL + b"Return-Path: <x@y.example>\r\n")


def test_a_mail_that_came_back_or_runs_in_circles_stays_here() -> None:
    with pytest.raises(NotResentError, match="before"):
        sent_on(sent_on(MAIL))
    with pytest.raises(NotResentError, match="before"):
        sent_on(b"Resent-From:\r\n\tSUPPORT@desk.example\r\n" + MAIL)
    assert sent_on(b"Resent-From: bigsupport@desk.example\r\n" + MAIL)
    with pytest.raises(NotResentError, match="circles"):
        sent_on(b"Received: from x by y; now\r\n" * (MAX_HOPS + 1) + MAIL)


@pytest.mark.parametrize("to", ["", "in@portal.example\r\nBcc: eve@e.example", "a b@c.example", "<a@b.example>"])
def test_an_address_cannot_bring_fields_of_its_own(to: str) -> None:
    with pytest.raises(NotResentError):
        resend(MAIL, sender="support@desk.example", to=to, resent_id="f1@desk.example", at=AT)


@given(raw=st.binary(max_size=300) | st.text(alphabet="aF:\r\n .", max_size=60).map(str.encode))
def test_any_bytes_go_on_as_one_mail_with_our_fields_in_front(raw: bytes) -> None:
    try:
        done = sent_on(raw)
    except NotResentError:
        return
    assert b"\n" not in done.replace(b"\r\n", b"")
    assert done.startswith(b"Resent-Date: ")
    assert b"\r\n\r\n" in done
    assert done == resend(
        raw, sender="support@desk.example", to="in@portal.example", resent_id="f1@desk.example", at=AT
    )


def test_what_goes_on_can_be_read_as_it_was() -> None:
    before, after = parse(MAIL), parse(sent_on(MAIL))
    assert (after.sender, after.subject, after.message_id, after.text) == (
        before.sender,
        before.subject,
        before.message_id,
        before.text,
    )
