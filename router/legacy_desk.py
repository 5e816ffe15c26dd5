"""Help desks that were used before, as data: how their mail is known, and who is in charge at a moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from schemas.legacy import old_number

MAX_PATTERN: Final = 500
"""Characters of a pattern."""

GROUP: Final = "number"
_MEMORY: Final = 1 << 20
"""Bytes that one compiled pattern may take: a wider one is refused when it is read."""


class LegacyPolicy(StrEnum):
    """What becomes of mail about an old ticket that nobody has placed yet."""

    HOLD = "hold"
    FORWARD = "forward"
    OPEN = "open"


class PatternError(ValueError):
    """A pattern cannot be used; the message says why."""


class NumberPattern:
    """Finds old numbers in a text, in time that grows with the text's length alone: RE2 never goes back.

    Raises `PatternError` unless the pattern has exactly one group, named `number`.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise PatternError(f"is longer than {MAX_PATTERN} characters")
        import re2  # noqa: PLC0415 - only for those who had another desk

        options = re2.Options()
        options.log_errors = False
        options.max_mem = _MEMORY
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            raise PatternError(f"is no pattern of RE2: {_words(error)}") from None
        if self._compiled.groups != 1 or list(self._compiled.groupindex) != [GROUP]:
            raise PatternError("must have one group, named so: (?P<number>...); others are written (?:...)")
        if self._compiled.search("") is not None:
            raise PatternError("fits an empty text, and so everything")
        self.text = text

    def __repr__(self) -> str:
        return f"NumberPattern({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NumberPattern) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    def numbers(self, text: str) -> Iterator[str]:
        """Give every number in a text, from left to right, in its one form."""
        found = (old_number(match.group(GROUP) or "") for match in self._compiled.finditer(text))
        return (number for number in found if number)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegacyDesk:
    """One old desk. Before `cutover_at` it is in charge; `policy` counts from then, `policy_after` from the end.

    `id_domains` are those of its Message-IDs and `addresses` its own, in lower case. Without `accounts` the mail of
    every account may belong to it. `parallel_until` None: the parallel run has no end. `forward_to` "": nothing can be
    forwarded.
    """

    name: str
    cutover_at: datetime
    parallel_until: datetime | None = None
    id_domains: frozenset[str] = frozenset()
    id_patterns: tuple[NumberPattern, ...] = ()
    subject_patterns: tuple[NumberPattern, ...] = ()
    addresses: frozenset[str] = frozenset()
    accounts: frozenset[str] = frozenset()
    url: str = ""
    forward_to: str = ""
    policy: LegacyPolicy = LegacyPolicy.HOLD
    policy_after: LegacyPolicy = LegacyPolicy.HOLD

    def serves(self, account: str) -> bool:
        """Say whether mail of this account may belong to the desk."""
        return not self.accounts or account in self.accounts

    def in_charge(self, received_at: datetime) -> bool:
        """Say whether the desk was not left yet."""
        return received_at < self.cutover_at

    def wants(self, received_at: datetime) -> LegacyPolicy:
        """Say what becomes of a message that was received then and belongs to no ticket of ours."""
        if self.in_charge(received_at):
            return LegacyPolicy.FORWARD if self.forward_to else LegacyPolicy.HOLD
        ended = self.parallel_until is not None and received_at >= self.parallel_until
        wanted = self.policy_after if ended else self.policy
        return LegacyPolicy.HOLD if wanted is LegacyPolicy.FORWARD and not self.forward_to else wanted

    def is_its_own(self, address: str) -> bool:
        """Say whether this is an address at which the old desk reads or writes."""
        folded = address.strip().lower()
        return folded in self.addresses or (bool(folded) and folded == self.forward_to.lower())

    def link(self, number: str) -> str:
        """Give the address of an old ticket's page; empty when there is none."""
        return self.url.replace("{number}", _escaped(number)) if number else ""


def _escaped(number: str) -> str:
    """Escape what could lead an address elsewhere (RFC 3986 section 2.3): numbers come from strangers' subjects."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._~") else _percent(c) for c in number)


def _percent(character: str) -> str:
    return "".join(f"%{octet:02X}" for octet in character.encode("utf-8", "replace"))


def _words(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
