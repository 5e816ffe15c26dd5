"""Live chats: somebody waits on the other side. Turned, such a ticket is one like others, with all that was said.

An agent turns it, the customer does, or the time in which nobody answered.
"""

from collections.abc import Iterator
from typing import Final

from router.announce import Announcer
from router.placed import Placed
from router.policy import AccountPolicy
from router.view import Ticket
from schemas.placement import Author
from schemas.routing_rows import OutboxRow

BY_AGENT: Final = "an agent turned the chat into a ticket"
BY_CUSTOMER: Final = "the customer turned the chat into a ticket"
BY_TIME: Final = "nobody answered the chat in time"
BY_END: Final = "the chat was closed"


def note_live(ticket: Ticket, placed: Placed, policy: AccountPolicy, *, begins: bool) -> None:
    """Let the message that opens a chat's ticket, or opens it again, make it live; the first one waits."""
    inbound = placed.message.message
    if placed.message.conversation is None or placed.author is not Author.CUSTOMER:
        return
    if inbound.details.get("live") is True and (begins or ticket.version == 0):
        ticket.live = True
    if ticket.live and ticket.live_until is None:
        ticket.live_until = inbound.received_at + policy.live_for


def turn(ticket: Ticket, announcer: Announcer, reason: str) -> Iterator[OutboxRow]:
    """Let a live ticket be one like others; nothing happens to one that is not live."""
    if ticket.live:
        end(ticket)
        yield announcer.turned(ticket, reason=reason)


def end(ticket: Ticket) -> None:
    """Let nobody wait on this ticket."""
    ticket.live, ticket.live_until = False, None
