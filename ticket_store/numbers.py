"""Public ticket numbers: nine digits that give nothing away, and a check digit, such as 482-917-3057.

The nine digits are the ticket's id, encrypted with a key of the installation by a permutation of 0 .. 10^9 - 1, so they
are unique without asking the database. The tenth digit is the check character of ISO 7064 MOD 11,10: it catches every
single wrong digit and 98 % of swapped neighbours, so that a number read out on the telephone is right or refused.

Security argument: the permutation is a balanced Feistel network of ten rounds over two halves modulo 31,623, as in
NIST SP 800-38G's FF1 (section 5.1: ten rounds, addition modulo the half), with keyed BLAKE2b as round function and
cycle walking (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002) for the 14,129 values of 31,623^2 that
are no nine digits. Luby and Rackoff: with independent random round functions such a network cannot be told from a
random permutation; known attacks on small domains (Durak and Vaudenay 2017, Hoang, Tessaro and Trieu 2018) need
far more pairs than these halves have at ten rounds. Who knows any set of numbers can neither compute the next one, nor
tell which of two tickets is older, nor how many there are.

Limits: a number is a name, not a password. Among T tickets a random nine digits exist with probability T / 10^9, so
whatever shows a ticket must ask for more than its number. Ids end at 10^9 - 1. A lost key means that new numbers may
meet old ones (the store's unique index refuses them); it belongs to the database and is backed up with it.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Final

from schemas.numbers import check_digit, parse

CAPACITY: Final = 10**9
"""How many tickets an installation can number."""

KEY_BYTES: Final = 32

_HALF: Final = 31_623  # the least number whose square holds CAPACITY
_ROUNDS: Final = 10
_PERSONALIZATION: Final = b"ticket-number/1"


class TicketNumbers:
    """The numbers of one installation. `key` is its secret of 32 bytes; same key, same numbers, for ever."""

    def __init__(self, *, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"the ticket number key has {len(key)} bytes, not {KEY_BYTES}: restore the instance row")
        self._rounds = tuple(_round_function(key, index) for index in range(_ROUNDS))

    def number(self, ticket_id: int) -> str:
        """Give the ten digits of one ticket. `ValueError` for an id outside 0 .. 10^9 - 1."""
        if not 0 <= ticket_id < CAPACITY:
            raise ValueError(f"ticket id {ticket_id} cannot be numbered: ids end at {CAPACITY - 1}")
        value = self._forward(ticket_id)
        while value >= CAPACITY:
            value = self._forward(value)
        body = f"{value:09d}"
        return body + check_digit(body)

    def numbers(self, ticket_ids: Iterable[int]) -> list[str]:
        """Give the numbers of many tickets, in the order given."""
        return [self.number(ticket_id) for ticket_id in ticket_ids]

    def ticket_id(self, number: str) -> int:
        """Give the id behind a valid number, whether or not such a ticket exists; `ValueError` as `parse`."""
        value = self._backward(int(parse(number)[:-1]))
        while value >= CAPACITY:
            value = self._backward(value)
        return value

    def _forward(self, value: int) -> int:
        left, right = divmod(value, _HALF)
        for mix in self._rounds:
            left, right = right, (left + mix(right)) % _HALF
        return left * _HALF + right

    def _backward(self, value: int) -> int:
        left, right = divmod(value, _HALF)
        for mix in reversed(self._rounds):
            left, right = (right - mix(left)) % _HALF, left
        return left * _HALF + right


def _round_function(key: bytes, index: int) -> Callable[[int], int]:
    """Make one round: 64 keyed bits of the half, so that reducing them to the half's size has a bias below 2^-48."""
    prepared = blake2b(key=key, digest_size=8, person=_PERSONALIZATION, salt=bytes([index]))

    def mix(half: int) -> int:
        state = prepared.copy()
        state.update(half.to_bytes(2, "big"))
        return int.from_bytes(state.digest(), "big")

    return mix
