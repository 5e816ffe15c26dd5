"""What became of a message: placed somewhere, or known already."""

from collections.abc import Callable
from dataclasses import dataclass

from router.incoming import Incoming
from router.view import Ticket
from schemas.placement import Author, Decision, Outcome, Visibility

STATES = {
    Outcome.JOINED: "ticketed",
    Outcome.OPENED: "ticketed",
    Outcome.HELD: "held",
    Outcome.NOTED: "noted",
    Outcome.DISCARDED: "discarded",
    Outcome.FORWARDED: "noted",
}
"""How an outcome stands in the messages table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A message and where it stands now; `stored` when it waited in the spool before this transaction.

    `part_of` is the message with which it is one.
    """

    message: Incoming
    decision: Decision
    ticket: Ticket | None
    stored: bool = False
    author: Author = Author.CUSTOMER
    visibility: Visibility = Visibility.PUBLIC
    part_of: int | None = None

    @property
    def state(self) -> str:
        """Give the message's state as stored."""
        return STATES[self.decision.outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Double:
    """A message that we already have."""

    message: Incoming
    original: int | None
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTickets:
    """Ids and numbers of tickets to be opened."""

    next_id: Callable[[], int]
    number: Callable[[int], str]
