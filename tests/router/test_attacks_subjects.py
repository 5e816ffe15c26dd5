# ruff: noqa: RUF001 - subjects stand in the scripts of their languages
"""Subjects as gateways and clients leave them: what changes nothing, and what is another matter."""

import pytest

from connectors.mail.subjects import read_subject
from router.subjects import is_changed

LONG = "The printer on the second floor is burning"


def differ(one: str, other: str) -> set[bool]:
    first, second = read_subject(one).base, read_subject(other).base
    return {is_changed(first, second), is_changed(second, first)}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Printer", "[EXTERNAL] Re: Printer"),
        ("Printer", "Re: [EXTERNAL] Re: Printer"),
        ("Printer", "EXTERNAL: Re: Printer"),
        ("Printer", "Re: EXT: RE: Printer"),
        ("Printer", "{Spam?} Re: Printer"),
        ("Printer", "***SPAM*** Re: Printer"),
        ("Printer", "(EXTERN) Re: Printer"),
        ("Printer", "<External> Re: Printer"),
        ("Printer", "Re[2]: Printer"),
        ("Printer", "RE : Printer"),
        ("Printer", "Re: Printer [ref:_00D.500:ref]"),
        ("Printer", "Printer (#1234)"),
        ("Ｐrinter", "printer"),
        ("Printer\xa0 on  fire", "Printer on fire."),
        ("straße", "STRASSE"),
        (LONG, "Re: The printer on the second floor is b..."),
        (LONG, "EXT: Re: The printer on the second floor"),
    ],
)
def test_what_gateways_and_clients_do_to_a_subject_is_no_new_one(ours: str, theirs: str) -> None:
    assert differ(ours, theirs) == {False}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Impressão parada no segundo andar", "Re: Impress?o parada no segundo andar"),
        ("Impressão", "Re: ImpressÃ£o"),
        ("Impressão", "Re: Impressa\u0303o"),
        ("Заказ", "Re: ?????"),
    ],
)
def test_letters_that_a_wrong_decoding_ate_make_no_new_subject(ours: str, theirs: str) -> None:
    assert differ(ours, theirs) == {False}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("Order 1", "Re: Order 12"),
        ("Printer", "New printer"),
        ("Printer", "Scanner (was: Printer)"),
        ("Invoice: March", "Invoice: April"),
        ("Invoice: March", "Order: March"),
        ("Urgent", "Urgent: invoice"),
        ("Order (2024)", "Order (2025)"),
        ("Заказ 1", "Заказ 2"),
        ("Привет?", "Пароль?"),
    ],
)
def test_other_words_or_numbers_are_a_new_subject(ours: str, theirs: str) -> None:
    assert differ(ours, theirs) == {True}
