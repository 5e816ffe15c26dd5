"""Whose a mail in a file is: the addresses of its account that its header names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.mail.recipients import recipients_in
from connectors.mail.settings import MailAccountSettings
from connectors.mail.smtp_address import AccountDirectory

SUPPORT = MailAccountSettings(addresses=("support@*", "help@desk.example"), subaddresses=True)
DIRECTORY = AccountDirectory(
    accounts={"support": SUPPORT, "sales": MailAccountSettings(addresses=("sales@desk.example",))}
)
ACCOUNT = SUPPORT.account("support")


def found(*lines: str) -> tuple[str, ...]:
    raw = "\r\n".join(["From: Ana <support@customer.example>", *lines, "", "hello"]).encode()
    return recipients_in(raw, account=ACCOUNT, directory=DIRECTORY)


@pytest.mark.parametrize("field", ["To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To"])
def test_an_address_of_the_account_is_found_wherever_a_header_names_recipients(field: str) -> None:
    assert found(f"{field}: Bob <bob@x.example>, Support <support@desk.example>") == ("support@desk.example",)


def test_each_is_named_once_and_those_of_other_accounts_and_with_tokens_are_not() -> None:
    named = found(
        "To: help@desk.example, sales@desk.example, support+rTOKEN@desk.example", "Delivered-To: help@desk.example"
    )
    assert named == ("help@desk.example",)


def test_a_sender_whose_address_looks_like_ours_is_no_recipient() -> None:
    assert found("To: bob@x.example") == ()


@given(raw=st.binary(max_size=400), name=st.sampled_from([b"To: ", b"Delivered-To: ", b""]))
def test_whatever_stands_in_a_file_ends_no_import(raw: bytes, name: bytes) -> None:
    recipients_in(name + raw, account=ACCOUNT, directory=DIRECTORY)


@given(address=st.text(max_size=80))
def test_whatever_is_written_as_an_address_ends_no_import(address: str) -> None:
    raw = b"To: " + address.encode("utf-8", "surrogatepass")
    recipients_in(raw, account=ACCOUNT, directory=DIRECTORY)
