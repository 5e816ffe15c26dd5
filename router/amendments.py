"""Messages that change after they came: by an edit of their person, or by a later part of their album."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from pydantic_core import to_json

from router.amending import changed_at, said_at, says, with_edit, with_part
from router.announce import Announcer, Seen
from router.incoming import Incoming
from router.placed import Placed
from router.placement import Amends
from router.stored import details_of, message_of
from router.view import View
from schemas.conversation_rows import AmendedRow, EarlierRow
from schemas.message import InboundMessage
from schemas.placement import Author, Rule, Visibility
from schemas.routing_rows import OutboxRow


class Amendments:
    """Collects rows, and gives the events. `placed` are the messages of this transaction, which change in memory."""

    def __init__(self, *, view: View, announcer: Announcer, placed: dict[int, Placed]) -> None:
        self.rows: dict[int, AmendedRow] = {}
        self.earlier: list[EarlierRow] = []
        self._view = view
        self._announcer = announcer
        self._placed = placed
        self._now: dict[int, InboundMessage] = {}

    def apply(self, by: Incoming, amends: Amends) -> Iterator[OutboxRow]:
        """Change the message; say so on its ticket. What changes nothing that people see is no event."""
        before = self._before(amends.message_id)
        if before is None:
            return
        after = with_edit(before, by.message, part=amends.part) if amends.part else with_part(before, by.message)
        if amends.part and self._is_late(before, by, amends):
            return
        self._keep(amends.message_id, after)
        if says(after) != says(before):
            if amends.part:
                self.earlier.append(_earlier(amends.message_id, before, said_at(by.message)))
            yield from self._announce(amends.message_id, by, after)

    def _is_late(self, before: InboundMessage, by: Incoming, amends: Amends) -> bool:
        """Whether a later edit came before this one: then it only says what the message once said."""
        known = changed_at(before, amends.part)
        if known is None or said_at(by.message) >= known:
            return False
        self.earlier.append(_earlier(amends.message_id, by.message, known))
        return True

    def _before(self, message_id: int) -> InboundMessage | None:
        placed = self._placed.get(message_id)
        if placed is not None:
            return placed.message.message
        row = self._view.amendable.get(message_id)
        return self._now.get(message_id) or (None if row is None else message_of(row.message))

    def _keep(self, message_id: int, after: InboundMessage) -> None:
        """Let everything that is still to be decided or written see the message as it is now."""
        placed, waiting = self._placed.get(message_id), self._view.waiting.get(message_id)
        if placed is not None:
            self._placed[message_id] = replace(placed, message=replace(placed.message, message=after))
        if waiting is not None:
            self._view.waiting[message_id] = replace(waiting, message=after)
        if placed is None or placed.stored:
            self._now[message_id] = after
            html = None if after.html is None else after.html.content
            self.rows[message_id] = AmendedRow(message_id, after.text.content, html, details_of(after))

    def _announce(self, message_id: int, by: Incoming, after: InboundMessage) -> Iterator[OutboxRow]:
        placed, row = self._placed.get(message_id), self._view.amendable.get(message_id)
        message = replace(by, id=message_id, message=after)
        if placed is not None:
            ticket, seen = placed.ticket, Seen(placed.decision.rule, placed.author, placed.visibility)
        elif row is not None:
            ticket = self._view.ticket(row.ticket_id)
            seen = Seen(Rule(row.rule), Author(row.author), Visibility(row.visibility))
        else:
            return
        if ticket is not None:
            yield self._announcer.revised(ticket, message, seen)


def _earlier(message_id: int, message: InboundMessage, until: datetime) -> EarlierRow:
    html = None if message.html is None else message.html.content
    files = [file.model_dump(mode="json", exclude_defaults=True) for file in message.files]
    return EarlierRow(message_id, until, message.text.content, html, to_json(files).decode())
