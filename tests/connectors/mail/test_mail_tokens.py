"""Tokens of ours in a mail: found wherever relays and people leave them, the strongest place first."""

from dataclasses import replace

import pytest
from mail_samples import delivery, mail

from connectors.base import Account
from connectors.mail.normalize import normalize
from connectors.mail.settings import MailAccountSettings
from connectors.mail.smtp_address import AccountDirectory
from schemas.message import TokenPlace
from schemas.tokens import LETTERS

ONE, TWO, THREE = ("a" * LETTERS, "b" * LETTERS, "c" * LETTERS)


def found(raw: bytes, *recipients: str) -> list[tuple[str, str]]:
    sent = delivery(raw)
    if recipients:
        sent = replace(sent, rcpt_to=recipients)
    return [(token.place.value, token.value[0]) for token in normalize(sent).message.thread.tokens]


@pytest.mark.parametrize(
    ("field", "place"),
    [
        (b"Message-ID: <sb.%s@shop.example>", "own_id"),
        (b"X-Loop: sb.%s", "loop"),
        (b"Delivered-To: support+r%s@shop.example", "delivered_to"),
        (b"X-Original-To: <support+r%s@shop.example>", "delivered_to"),
        (b"Cc: Support <Support+R%s@Shop.example>", "cc"),
        (b"In-Reply-To: <sb.%s@shop.example>", "in_reply_to"),
        (b"References: <x@y.example> <sb.%s@shop.example>", "references"),
    ],
)
def test_a_token_is_found_in_every_field_that_may_carry_one(field: bytes, place: str) -> None:
    assert found(mail(field % ONE.encode())) == [(place, "a")]


def test_a_token_is_found_whatever_the_case() -> None:
    assert found(mail(b"In-Reply-To: <sb.%s@shop.example>" % ONE.upper().encode())) == [("in_reply_to", "a")]


def test_the_envelopes_recipient_comes_before_what_the_header_says() -> None:
    raw = mail(b"In-Reply-To: <sb.%s@shop.example>" % ONE.encode())
    assert found(raw, f"support+r{TWO}@shop.example") == [("recipient", "b"), ("in_reply_to", "a")]


def test_references_are_read_from_right_to_left() -> None:
    ids = b" ".join(b"<sb.%s@shop.example>" % token.encode() for token in (ONE, TWO, THREE))
    assert found(mail(b"References: " + ids)) == [("references", "c"), ("references", "b"), ("references", "a")]


def test_several_systems_may_have_left_their_loop_marks() -> None:
    raw = mail(b"X-Loop: other@desk.example", b"X-Loop: sb.%s" % ONE.encode(), b"X-Loop: sb.%s" % TWO.encode())
    assert found(raw) == [("loop", "a"), ("loop", "b")]


def test_a_token_in_the_text_is_found_where_it_is_marked_as_one() -> None:
    raw = mail(body=b"> Hello\r\n> [sb:%s]\r\n%s\r\n" % (ONE.encode(), TWO.encode()))
    assert found(raw) == [("body", "a")]


def test_a_token_of_an_attached_mail_speaks_of_that_mail() -> None:
    inner = b"From: a@b.example\r\nMessage-ID: <sb.%s@shop.example>\r\nX-Loop: sb.%s\r\n\r\nx\r\n"
    outer = (
        b"Content-Type: multipart/mixed; boundary=limit\r\n"
        b"\r\n--limit\r\nContent-Type: text/plain\r\n\r\nsee below\r\n"
        b"--limit\r\nContent-Type: message/rfc822\r\n\r\n" + inner % (ONE.encode(), ONE.encode()) + b"--limit--\r\n"
    )
    head, _, body = outer.partition(b"\r\n\r\n")
    assert found(mail(head, body=body)) == [("report", "a")]


@pytest.mark.parametrize("written", [ONE[:-1], ONE + "a", ONE[:-1] + "1", ONE[:-1] + "é"])
def test_what_has_not_the_form_of_a_token_is_none(written: str) -> None:
    fields = (
        f"In-Reply-To: <sb.{written}@shop.example>".encode(),
        f"Cc: support+r{written}@shop.example".encode(),
        f"X-Loop: sb.{written}".encode(),
    )
    assert found(mail(*fields)) == []


def test_a_thousand_tokens_are_a_hundred() -> None:
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    many = [f"<sb.{'a' * 37}{x}{y}{z}@s.example>" for x in letters for y in letters for z in letters[:2]]
    tokens = normalize(delivery(mail(b"References: " + " ".join(many).encode()))).message.thread.tokens
    assert len(tokens) == 100
    assert {token.place for token in tokens} == {TokenPlace.REFERENCES}


@pytest.mark.parametrize("pattern", ["support@shop.example", "support@*"])
@pytest.mark.parametrize("local", [f"support+r{ONE}", f"Support+R{ONE.upper()}"])
def test_every_account_takes_its_reply_addresses(pattern: str, local: str) -> None:
    directory = AccountDirectory(accounts={"support": MailAccountSettings(addresses=(pattern,))})
    assert directory.find(f"{local}@shop.example") == Account(name="support", channel="mail", scope="support")
    assert directory.find("support+other@shop.example") is None
    assert directory.find(f"sales+r{ONE}@shop.example") is None
