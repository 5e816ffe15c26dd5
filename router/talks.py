"""Where conversations go on: what a routing transaction changes of their rows."""

from router.incoming import Incoming
from router.placed import Placed
from router.view import Ticket, View
from schemas.conversation_rows import TalkRow
from schemas.placement import Author


class Talks:
    """Collects rows. What one message changes is seen by the next one of its conversation."""

    def __init__(self, *, view: View) -> None:
        self.rows: dict[bytes, TalkRow] = {}
        self._view = view

    def settle(self, ticket: Ticket, placed: Placed) -> None:
        """Let the conversation of a proven customer's public message go on where that one went."""
        message = placed.message
        talk = self._view.talk(message)
        if talk is None or placed.author is not Author.CUSTOMER or not self._is_theirs(talk, message):
            return
        person = None if message.is_group else message.sender
        self._set(talk, talk._replace(ticket_id=ticket.id, person_key=person, is_group=message.is_group))

    def _is_theirs(self, talk: TalkRow, message: Incoming) -> bool:
        return message.is_group or talk.person_key in (None, message.sender)

    def _set(self, before: TalkRow, row: TalkRow) -> None:
        if row != before:
            self.rows[row.digest] = self._view.talks[row.digest] = row
