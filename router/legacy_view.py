"""What the router knows of old desks' tickets while it decides: rows of the store, and what this batch has chosen."""

from collections.abc import Iterable
from datetime import datetime

from router.incoming import Incoming
from router.legacy_marks import MOST, By, Mark
from schemas.legacy import BoundRow, OldIdRow, OldKey, OldTicketRow


class OldTickets:
    """Old tickets by desk and number, and ids that exports name. `bound` are to be written."""

    def __init__(self) -> None:
        self.rows: dict[OldKey, OldTicketRow] = {}
        self.bound: dict[OldKey, BoundRow] = {}
        self._ids: dict[bytes, set[OldKey]] = {}

    def add_ids(self, rows: Iterable[OldIdRow]) -> None:
        """Take ids that exports name."""
        for row in rows:
            self._ids.setdefault(row.digest, set()).add((row.desk, row.number))

    def add(self, rows: Iterable[OldTicketRow]) -> None:
        """Take old tickets."""
        for row in rows:
            self.rows[row.desk, row.number] = row

    def bind(self, old: OldKey, ticket_id: int | None, *, by: str, at: datetime) -> None:
        """Let an old ticket go on in one of ours from now; no ticket of ours means at the old desk."""
        choice = "forward" if ticket_id is None else "ticket"
        found = self.rows.get(old) or OldTicketRow(0, *old, None, "", None, None, "")
        self.rows[old] = found._replace(choice=choice, ticket_id=ticket_id, chosen_by=by)
        self.bound[old] = BoundRow(*old, choice, ticket_id, by, at)

    def marks(self, message: Incoming) -> tuple[Mark, ...]:
        """Give what a message speaks of, ids of exports first, the nearest before others.

        An id that several old tickets have only says which desk it was.
        """
        if not message.desks:
            return ()
        found: dict[OldKey, Mark] = {}
        for mark in (*self._imported(message), *message.marks):
            if mark.number or all(mark.desk.name != desk for desk, _ in found):
                found.setdefault(mark.key, mark)
        return tuple(found.values())[:MOST]

    def _imported(self, message: Incoming) -> Iterable[Mark]:
        desks = {desk.name: desk for desk in message.desks}
        for quote in message.quoted:
            named = [old for old in self._ids.get(quote.key[1], ()) if old[0] in desks]
            if len(named) == 1:
                yield Mark(desks[named[0][0]], named[0][1], By.IMPORTED)
            elif named and len({desk for desk, _ in named}) == 1:
                yield Mark(desks[named[0][0]], "", By.DOMAIN)
