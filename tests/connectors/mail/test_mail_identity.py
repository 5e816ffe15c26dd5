import pytest
from hypothesis import given
from hypothesis import strategies as st
from mail_samples import mail

from connectors.mail.identity import identify

SAMPLE = mail(b"Message-ID: <one@home.example>", b"Subject: a", body=b"first\r\n\r\nlast\r\n")


def test_line_ends_do_not_change_the_key() -> None:
    assert identify(SAMPLE, "support") == identify(SAMPLE.replace(b"\r\n", b"\n"), "support")


def test_trace_headers_do_not_change_the_key() -> None:
    traced = b"Return-Path: <x@y.example>\r\nReceived: by mx.example;\r\n\tMon, 2 Mar 2026 10:00:01 +0000\r\n" + SAMPLE
    assert identify(SAMPLE, "support") == identify(traced, "support")


def test_folding_does_not_change_the_key() -> None:
    folded = SAMPLE.replace(b"From: Ann <", b"From: Ann\r\n <")
    assert identify(SAMPLE, "support") == identify(folded, "support")


def test_trailing_blank_lines_do_not_change_the_key() -> None:
    assert identify(SAMPLE, "support") == identify(SAMPLE + b"\r\n\r\n  \r\n", "support")
    assert identify(SAMPLE, "support") == identify(SAMPLE.rstrip(b"\r\n"), "support")


def test_a_copy_with_a_footer_has_another_key_and_the_same_fingerprint() -> None:
    first, copy = identify(SAMPLE, "support"), identify(SAMPLE + b"-- \r\nlist footer\r\n", "support")
    assert first.delivery_key != copy.delivery_key
    assert first.fingerprint == copy.fingerprint


def test_another_account_has_another_key_and_the_same_fingerprint() -> None:
    first, other = identify(SAMPLE, "support"), identify(SAMPLE, "sales")
    assert first.delivery_key != other.delivery_key
    assert first.fingerprint == other.fingerprint


def test_a_reused_message_id_has_another_fingerprint() -> None:
    reused = SAMPLE.replace(b"Ann <ann@", b"Bob <bob@")
    assert identify(SAMPLE, "support").fingerprint != identify(reused, "support").fingerprint


def test_without_a_message_id_the_subject_stands_in() -> None:
    first, second = mail(b"Subject: a"), mail(b"Subject: b")
    assert identify(first, "support").fingerprint is None
    assert identify(first, "support").delivery_key != identify(second, "support").delivery_key


@pytest.mark.parametrize("head", [b"", b"Subject: help\r\nFrom: ann@home.example\r\n", b"X" * 300_000 + b"\r\n"])
def test_text_without_a_blank_line_before_it_tells_mails_apart(head: bytes) -> None:
    one, two = head + b"my printer burns\r\n", head + b"my cat is well\r\n"
    assert identify(one, "support").delivery_key != identify(two, "support").delivery_key
    assert identify(one, "support") == identify(one + b"\r\n\r\n", "support")


def test_fields_cannot_run_into_each_other() -> None:
    one = b"Message-ID: <a>\r\nFrom: bc\r\nDate: d\r\n\r\nx"
    two = b"Message-ID: <a>\r\nFrom: b\r\nDate: cd\r\n\r\nx"
    assert identify(one, "support") != identify(two, "support")


def test_line_ends_do_not_matter_over_chunk_borders() -> None:
    body = b"".join(b"x" * (n % 97) + b"\r\n" for n in range(60_000))
    crlf = mail(body=body)
    mixed = crlf.replace(b"x\r\n", b"x\n")
    assert identify(crlf, "support") == identify(mixed, "support") == identify(crlf.replace(b"\r\n", b"\n"), "support")


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_bytes_have_one_key_under_both_line_ends(head: bytes, body: bytes) -> None:
    raw = (head + b"\n\n" + body).replace(b"\r", b"")
    assert identify(raw, "support") == identify(raw.replace(b"\n", b"\r\n"), "support")
