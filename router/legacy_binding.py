"""What a person chose for one message about an old desk's ticket binds the next ones."""

from datetime import datetime

from router.placed import Placed
from router.view import View
from schemas.placement import Outcome


def bind_chosen(placed: Placed, view: View, *, by: str, now: datetime, moved: bool = False) -> None:
    """Let the old ticket of a message that a person has just placed go on where the message went.

    Where somebody chose before, only its own requester's message takes an old ticket along; a `moved` one also where
    nobody knows whose it is. Whoever else is put elsewhere leaves it where it goes on.
    """
    message = placed.message
    mark = next((mark for mark in view.old.marks(message) if mark.number), None)
    if mark is None:
        return
    row = view.old.rows.get(mark.key)
    owners = (message.sender, None) if moved else (message.sender,)
    settled = row is not None and row.choice == "ticket" and row.requester_key not in owners
    if placed.ticket is not None and not settled:
        view.old.bind(mark.key, placed.ticket.id, by=by, at=now)
    elif placed.decision.outcome is Outcome.FORWARDED:
        view.old.bind(mark.key, None, by=by, at=now)
