"""The form of our tokens: where they stand, and how they are read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.tokens import (
    LETTERS,
    Token,
    message_id_with,
    read_token,
    reply_address_with,
    token_in_address,
    token_in_message_id,
)

TOKEN = Token(1, b"ab", 7, 9, 3, bytes(10)).text()

tokens = st.builds(
    Token,
    st.integers(min_value=0, max_value=255),
    st.binary(min_size=2, max_size=2),
    st.integers(min_value=0, max_value=2**32 - 1),
    st.integers(min_value=0, max_value=2**40 - 1),
    st.integers(min_value=0, max_value=2**24 - 1),
    st.binary(min_size=10, max_size=10),
)


@given(token=tokens)
def test_a_token_is_read_as_it_was_written_in_either_case(token: Token) -> None:
    text = token.text()
    assert len(text) == LETTERS
    assert read_token(text) == read_token(text.upper()) == token
    assert token_in_address(reply_address_with(text, "support@desk.example").upper()) == text
    assert token_in_message_id(f"<{message_id_with(text, 'desk.example')}>") == text


@given(text=st.text(max_size=60))
def test_whatever_is_no_token_is_none(text: str) -> None:
    found = read_token(text)
    assert found is None or found.text() == text.lower()


@pytest.mark.parametrize(
    "address",
    [
        f"support+x{TOKEN}@desk.example",
        f"support+r{TOKEN[:-1]}@desk.example",
        f"support+r{TOKEN}x@desk.example",
        f"support@{TOKEN}.example",
        "support@desk.example",
        "",
    ],
)
def test_an_address_without_the_whole_form_has_no_token(address: str) -> None:
    assert token_in_address(address) == ""


def test_a_local_part_never_grows_over_what_mail_systems_take() -> None:
    longest = f"{'a' * 22}@desk.example"
    assert len(reply_address_with(TOKEN, longest).partition("@")[0]) == 64
    longer = f"{'a' * 23}@desk.example"
    assert reply_address_with(TOKEN, longer) == longer
