"""Proofs of who somebody is: what a person brings from one channel to another. Their form alone; the router knows more.

An agent invites the requester of a ticket; whoever brings the proof on another channel is the same person. Two forms:

    payload   `i` and 40 letters of base64url, for deep links (`https://t.me/BOT?start=PAYLOAD`): 30 octets, of which
              1 names the signing key, 14 are random, 15 are the signature
    code      `K7QP-X3MB-9T`: typed by hand, ten letters of an alphabet without look-alikes, the last one a check

A connector puts either, as it was written, into `details.proof`, and nothing of it into the text. The router finds and
masks those that stand in the middle of words.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

KEY_OCTETS: Final = 1
RANDOM_OCTETS: Final = 14
TAG_OCTETS: Final = 15
ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
CODE_LETTERS: Final = 10

PAYLOAD: Final = r"i[A-Za-z0-9_-]{40}"
"""What a payload looks like."""

_PAYLOAD: Final = re.compile(rf"{PAYLOAD}\Z")
_LETTERS: Final = rf"([{ALPHABET}]{{4}})[-\u2010-\u2015]([{ALPHABET}]{{4}})[-\u2010-\u2015]([{ALPHABET}]{{2}})"
_CODE: Final = re.compile(rf"\s*{_LETTERS}\s*\Z")
_AMONG_WORDS: Final = re.compile(
    rf"(?<![A-Za-z0-9])(?<![A-Za-z0-9]-){_LETTERS}(?!-?[A-Za-z0-9])", re.IGNORECASE | re.ASCII
)


class Payload(NamedTuple):
    """What a payload holds, true or not."""

    key_id: int
    nonce: bytes
    tag: bytes

    def body(self) -> bytes:
        """Give the octets that are signed."""
        return self.key_id.to_bytes(KEY_OCTETS, "big") + self.nonce

    def text(self) -> str:
        """Give it as it stands in a link."""
        return "i" + base64.urlsafe_b64encode(self.body() + self.tag).decode("ascii")


def read_payload(text: str) -> Payload | None:
    """Read a payload; None for anything else. Says nothing about whether it is true."""
    if _PAYLOAD.match(text) is None:
        return None
    try:
        octets = base64.urlsafe_b64decode(text[1:])
    except (binascii.Error, ValueError):
        return None
    end = KEY_OCTETS + RANDOM_OCTETS
    return Payload(key_id=octets[0], nonce=octets[KEY_OCTETS:end], tag=octets[end:])


def code_of(numbers: Sequence[int]) -> str:
    """Make a code of nine random numbers, each below 31; the tenth letter is a check."""
    letters = "".join(ALPHABET[number % len(ALPHABET)] for number in numbers[: CODE_LETTERS - 1])
    whole = letters + _check(letters)
    return f"{whole[:4]}-{whole[4:8]}-{whole[8:]}"


def code_in(text: str) -> str:
    """Give the code that a message is, in its canonical form; empty for any other text."""
    found = _CODE.match(text.upper()) if len(text) <= 2 * CODE_LETTERS else None
    if found is None:
        return ""
    whole = "".join(found.groups())
    return "-".join(found.groups()) if whole[-1] == _check(whole[:-1]) else ""


def codes_masked(text: str, mark: str) -> tuple[str, Sequence[str]]:
    """Put a mark in the place of every code that stands in a text; give those codes, each once, in canonical form."""
    found: dict[str, None] = {}

    def masked(match: re.Match[str]) -> str:
        code = code_in(match[0])
        if not code:
            return match[0]
        found[code] = None
        return mark

    return _AMONG_WORDS.sub(masked, text), list(found)


def _check(letters: str) -> str:
    """Give the letter that tells a slip: weights differ, so exchanged neighbours are told, too (31 is a prime)."""
    total = sum(weight * ALPHABET.index(letter) for weight, letter in enumerate(letters, start=2))
    return ALPHABET[total % len(ALPHABET)]
