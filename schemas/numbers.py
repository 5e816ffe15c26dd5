"""Ticket numbers as people write them: ten digits, the last one a check digit (ISO 7064 MOD 11,10).

How the first nine are made is the store's secret (`ticket_store/numbers.py`); the form is everybody's.
"""

import re
from typing import Final

DIGITS: Final = 10

_SEPARATORS: Final = str.maketrans("", "", " -\u00a0\u2009\u202f\u2010\u2011\u2012\u2013")
_TAG: Final = re.compile(
    r"\[\s?#\s?(\d{3}[ \u00a0\u2009\u202f\u2010-\u2013-]?\d{3}[ \u00a0\u2009\u202f\u2010-\u2013-]?\d{4})\s?\]"
)


def check_digit(body: str) -> str:
    """Compute the check character of ISO 7064 MOD 11,10 (clause 9, hybrid system) for ASCII digits."""
    product = 10
    for digit in body:
        total = (product + ord(digit) - 48) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def is_valid(text: str) -> bool:
    """Say whether this is a ticket number, spaces and dashes allowed, with the right check digit."""
    digits = _digits(text)
    return _has_form(digits) and check_digit(digits[:-1]) == digits[-1]


def parse(text: str) -> str:
    """Give the bare ten digits of a number as people write it; `ValueError` says what is wrong."""
    digits = _digits(text)
    if not _has_form(digits):
        raise ValueError(f"a ticket number has {DIGITS} digits, such as 482-917-3057")
    if check_digit(digits[:-1]) != digits[-1]:
        raise ValueError(
            f"{shown(digits)} is no ticket number: the last digit does not fit the others, look for a typo"
        )
    return digits


def shown(number: str) -> str:
    """Group a number for people: 4829173057 becomes 482-917-3057."""
    return f"{number[:3]}-{number[3:6]}-{number[6:]}"


def subject_tag(number: str) -> str:
    """Give the tag that our subjects carry: [#482-917-3057]."""
    return f"[#{shown(number)}]"


def tags_in(subject: str) -> tuple[str, ...]:
    """Give the bare numbers of the tags in a subject, each once, in order; those with a wrong check digit are none."""
    found = (_digits(match) for match in _TAG.findall(subject))
    return tuple(dict.fromkeys(digits for digits in found if is_valid(digits)))


def without_tags(subject: str) -> str:
    """Take the tags of ticket numbers out of a subject, wherever they stand."""
    return _TAG.sub(lambda found: "" if is_valid(found[1]) else found[0], subject) if "#" in subject else subject


def _digits(text: str) -> str:
    return text.strip().removeprefix("#").translate(_SEPARATORS)


def _has_form(digits: str) -> bool:
    return len(digits) == DIGITS and digits.isascii() and digits.isdigit()
