"""Ticket numbers: unique by construction, safe to read aloud, and saying nothing about other tickets."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.numbers import check_digit, is_valid, parse, shown
from ticket_store.numbers import CAPACITY, TicketNumbers

KEY = bytes(range(32))
NUMBERS = TicketNumbers(key=KEY)
IDS = st.integers(0, CAPACITY - 1)
COUNT = 20_000


@cache
def first_numbers() -> list[str]:
    return NUMBERS.numbers(range(COUNT))


@given(IDS)
def test_a_number_leads_back_to_its_ticket(ticket_id: int) -> None:
    number = NUMBERS.number(ticket_id)
    assert is_valid(number)
    assert NUMBERS.ticket_id(number) == ticket_id


@given(st.integers(0, CAPACITY - 1).map(lambda value: f"{value:09d}"))
def test_every_number_belongs_to_exactly_one_id(body: str) -> None:
    number = body + check_digit(body)
    assert NUMBERS.number(NUMBERS.ticket_id(number)) == number


def test_twenty_thousand_tickets_have_twenty_thousand_numbers() -> None:
    """That no two of all ids share one follows from the way back, above; this is the plain count."""
    assert len(set(first_numbers())) == COUNT


def test_numbers_never_change_between_releases() -> None:
    assert NUMBERS.numbers([0, 1, 2, CAPACITY - 1]) == ["8149608747", "8855759350", "9285338447", "0247418839"]


def test_numbers_of_neighbours_and_of_other_keys_have_nothing_in_common() -> None:
    other = TicketNumbers(key=bytes(32))
    mine, theirs = first_numbers(), other.numbers(range(COUNT))
    for pairs in (pairwise(mine), zip(mine, theirs, strict=True)):
        equal = sum(left == right for pair in pairs for left, right in zip(*pair, strict=True))
        assert abs(equal / (10 * COUNT) - 0.1) < 0.01


def test_digits_of_numbers_in_a_row_are_spread_evenly() -> None:
    for place in range(10):
        counts = Counter(number[place] for number in first_numbers())
        assert len(counts) == 10
        assert max(counts.values()) < 2_200
        assert min(counts.values()) > 1_800


@pytest.mark.parametrize("ticket_id", [-1, CAPACITY])
def test_an_id_outside_the_range_is_refused(ticket_id: int) -> None:
    with pytest.raises(ValueError, match="ids end at 999999999"):
        NUMBERS.number(ticket_id)


def test_a_damaged_key_is_refused() -> None:
    with pytest.raises(ValueError, match="31 bytes, not 32: restore the instance row"):
        TicketNumbers(key=bytes(31))


def test_check_digits_are_those_of_the_standard() -> None:
    assert check_digit("0794") == "5"


@given(IDS, st.integers(0, 9), st.integers(1, 9))
def test_a_wrong_digit_is_always_noticed(ticket_id: int, place: int, change: int) -> None:
    number = NUMBERS.number(ticket_id)
    wrong = str((int(number[place]) + change) % 10)
    assert not is_valid(number[:place] + wrong + number[place + 1 :])


def test_swapped_neighbours_are_nearly_always_noticed() -> None:
    swapped = [
        number[:place] + number[place + 1] + number[place] + number[place + 2 :]
        for number in first_numbers()[:3_000]
        for place in range(9)
        if number[place] != number[place + 1]
    ]
    assert sum(map(is_valid, swapped)) / len(swapped) < 0.03


@pytest.mark.parametrize(
    "text",
    ["8149608747", "814-960-8747", " 814 960 8747 ", "#8149608747", "814\u2011960\u20118747", "814\u00a0960 8747"],
)
def test_numbers_are_read_as_people_write_them(text: str) -> None:
    assert parse(text) == "8149608747"
    assert is_valid(text)


@pytest.mark.parametrize("text", ["", "814", "81496087470", "814-960-874x", "٨١٤٩٦٠٨٧٤٧", "+814960874", "8149608.47"])
def test_what_has_no_form_of_a_number_is_refused(text: str) -> None:
    assert not is_valid(text)
    with pytest.raises(ValueError, match="has 10 digits, such as"):
        parse(text)


def test_a_typo_is_explained() -> None:
    with pytest.raises(ValueError, match=r"814-960-8748 is no ticket number: the last digit does not fit"):
        parse("8149608748")


@given(IDS)
def test_what_is_shown_can_be_read(ticket_id: int) -> None:
    number = NUMBERS.number(ticket_id)
    assert parse(shown(number)) == number


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    assert is_valid(text) in (True, False)
