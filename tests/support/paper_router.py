"""The router without a store: the same decisions on one view in memory, one message at a time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from routing_lab import HOLDING, KEY, OWN_ADDRESS, START

from router.announce import Announcer
from router.incoming import receive
from router.outgoing import Letter, outgoing
from router.placed import NewTickets, Placed
from router.placer import Placer
from router.policy import Policies
from router.replies import Replies
from router.tokens import Signer, SigningKey, Verified
from router.view import Ticket, View
from schemas.message import InboundMessage, Party, Text
from schemas.placement import CLOSED, Author, HoldReason, SendKind, Visibility
from schemas.routing_rows import KnownRow, ThreadRow
from schemas.sending_rows import SentRow
from schemas.tokens import message_id_with
from ticket_store.numbers import TicketNumbers

SIGNER = Signer(
    instance_id=UUID(int=7),
    keys=[SigningKey(id=1, secret=bytes(range(32)), retired=True), SigningKey(id=2, secret=bytes(32))],
)
RETIRED = Signer(instance_id=UUID(int=7), keys=[SigningKey(id=1, secret=bytes(range(32)))])
"""Signs with a key that is refused by now."""


class PaperRouter:
    """Routes on paper. Names of messages are their texts without "text of "."""

    def __init__(self, policies: Policies = HOLDING) -> None:
        self.policies = policies
        self.view = View()
        self._ids = count(1)
        self._keys: set[str] = set()
        self.placer = Placer(
            view=self.view,
            policies=policies,
            announcer=Announcer(source="/switchboard/paper", now=START),
            new_tickets=NewTickets(next_id=count(1).__next__, number=TicketNumbers(key=KEY).number),
            replies=Replies(signer=SIGNER, policies=policies, next_id=self._ids.__next__, now=START),
        )

    def route(self, *messages: InboundMessage) -> None:
        for message in messages:
            if message.delivery_key not in self._keys:
                self._keys.add(message.delivery_key)
                self._route(message)

    def _route(self, message: InboundMessage) -> None:
        incoming = receive(message, message_id=next(self._ids), policies=self.policies, signer=SIGNER)
        own = [incoming.own] if incoming.own else []
        for key in (*own, *(quote.key for quote in incoming.quoted)):
            self.view.threads.setdefault(key, ThreadRow(*key, None, reused=False))
        self.view.numbers = {ticket.number: ticket.id for ticket in self.view.tickets.values()}
        self.placer.route(incoming)

    def say(
        self,
        on: str,
        *,
        to: Sequence[str] = ("ana@a.example",),
        visibility: Visibility = Visibility.PUBLIC,
        state: str = "sent",
    ) -> str:
        """Say something on the ticket of a message; give its token."""
        ticket, message_id = self.ticket(on), next(self._ids)
        letter = Letter(
            ticket=ticket,
            text=Text(content="ours"),
            author=Author.AGENT,
            sender=Party(address=OWN_ADDRESS),
            kind=SendKind.REPLY,
            to=[Party(address=address) for address in to],
            visibility=visibility,
        )
        rows = outgoing(letter, message_id=message_id, signer=SIGNER, now=START)
        row = rows.message
        self.view.threads[row.scope, rows.thread.digest] = rows.thread
        self.view.messages[message_id] = KnownRow(
            message_id, ticket.id, "ticketed", row.account, row.sender_key, None, "none", "out", row.author,
            visibility, row.own_digest,
        )  # fmt: skip
        recipients = [{"address": address, "state": state, "code": "", "reason": "", "at": None} for address in to]
        self.view.add_sent(
            [SentRow(message_id, recipients, OWN_ADDRESS, "", START, row.subject, "ours", "agent", visibility)]
        )
        return SIGNER.issue(ticket_id=ticket.id, message_id=message_id, opened_at=ticket.created_at)

    def id_of(self, token: str) -> str:
        """Give the Message-ID that has this token."""
        return message_id_with(token, OWN_ADDRESS.partition("@")[2])

    def sent(self, token: str) -> list[dict[str, Any]]:
        """Give how far a message of ours has come, to every recipient."""
        claim = SIGNER.verify(token)
        assert isinstance(claim, Verified)
        return self.view.sent[claim.message_id].recipients

    def merge(self, one: str, into: str) -> None:
        """Merge the ticket of one message into that of another; its people take part there."""
        ticket, survivor = self.ticket(one), self.ticket(into)
        ticket.status, ticket.closed_at = CLOSED, START
        ticket.merged_into_id, ticket.merged_into_number = survivor.id, survivor.number
        survivor.members |= ticket.members

    def placed(self, name: str) -> Placed:
        return next(p for p in self.placer.placed.values() if _name(p.message.message) == name)

    def ticket(self, name: str) -> Ticket:
        ticket = self.placed(name).ticket
        assert ticket is not None, f"{name} is on no ticket"
        return ticket

    def hold(self, name: str) -> HoldReason | None:
        return self.placed(name).decision.hold

    def close(self, name: str, *, minutes: float = 0) -> Ticket:
        """Close the ticket that a message stands on, `minutes` after START."""
        ticket = self.ticket(name)
        ticket.status, ticket.closed_at = CLOSED, START + timedelta(minutes=minutes)
        return ticket

    def threads(self) -> dict[str, list[str]]:
        tickets: dict[int, list[tuple[datetime, int, str]]] = {}
        for placed in self.placer.placed.values():
            if placed.ticket is not None:
                message = placed.message.message
                entry = (message.received_at, placed.message.id, _name(message))
                tickets.setdefault(placed.ticket.id, []).append(entry)
        names = ([name for _, _, name in sorted(entries)] for entries in tickets.values())
        return {found[0]: found for found in names}

    def held(self) -> dict[str, str]:
        return {
            _name(placed.message.message): str(placed.decision.hold)
            for placed in self.placer.placed.values()
            if placed.decision.hold
        }

    def groups(self) -> tuple[set[frozenset[str]], dict[str, str]]:
        """Give tickets as sets of deliveries, and the hold reasons of deliveries."""
        tickets: dict[int, set[str]] = {}
        held = {}
        for placed in self.placer.placed.values():
            key = placed.message.message.delivery_key
            if placed.ticket is not None:
                tickets.setdefault(placed.ticket.id, set()).add(key)
            elif placed.decision.hold is not None:
                held[key] = str(placed.decision.hold)
        return {frozenset(keys) for keys in tickets.values()}, held


def _name(message: InboundMessage) -> str:
    return message.text.content.removeprefix("text of ")
