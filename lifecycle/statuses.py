"""Statuses of a ticket and the moves between them. Pure: data in, data out, no clock.

A status is *closed* when nothing is awaited from us any more; routing then starts a new ticket or reopens this one.
A new status is one line in `CLOSED_STATUSES` (when it is closed) and its row in `MOVES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    CLOSED = "closed"
    SPAM = "spam"


class Reason(StrEnum):
    """Why a status changed; stands in the event's `status_reason`."""

    OPERATOR = "operator"
    REPLY = "reply"


CLOSED_STATUSES: Final = frozenset({Status.CLOSED, Status.SPAM})

MOVES: Final[Mapping[Status, Mapping[Status, frozenset[Reason]]]] = {
    Status.OPEN: {Status.CLOSED: frozenset({Reason.OPERATOR}), Status.SPAM: frozenset({Reason.OPERATOR})},
    Status.CLOSED: {
        Status.OPEN: frozenset({Reason.OPERATOR, Reason.REPLY}),
        Status.SPAM: frozenset({Reason.OPERATOR}),
    },
    Status.SPAM: {Status.OPEN: frozenset({Reason.OPERATOR})},
}
"""From -> to -> for which reasons."""


class MoveError(ValueError):
    """The move is not allowed; the message says why and what is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """An allowed move. `closed_at` is None when the ticket is open after it."""

    previous: str
    status: str
    reason: str
    closed_at: datetime | None


def move(current: str, target: Status, *, reason: Reason, at: datetime) -> Move:
    """Give the move from a stored status, or raise `MoveError`."""
    source = _known(current)
    if source is target:
        raise MoveError(f"the ticket is already {target}")
    allowed = MOVES[source]
    if target not in allowed:
        raise MoveError(f"a ticket that is {source} cannot become {target}; it can become {_listed(allowed)}")
    if reason not in allowed[target]:
        raise MoveError(f"{source} to {target} is not for the reason {reason}, only for {_listed(allowed[target])}")
    return Move(previous=source, status=target, reason=reason, closed_at=at if is_closed(target) else None)


def is_closed(status: Status) -> bool:
    """Say whether nothing is awaited from us in this status."""
    return status in CLOSED_STATUSES


def _known(text: str) -> Status:
    try:
        return Status(text)
    except ValueError:
        raise MoveError(f"status {text!r} is not known to this version; use a newer Switchboard") from None


def _listed(names: Mapping[Status, object] | frozenset[Reason]) -> str:
    return ", ".join(sorted(names))
