"""The router without a store: the same decisions on one view in memory, one message at a time."""

from datetime import datetime, timedelta
from itertools import count

from routing_lab import HOLDING, KEY, START

from router.announce import Announcer
from router.incoming import receive
from router.placer import NewTickets, Placed, Placer
from router.policy import Policies
from router.view import Ticket, View
from schemas.message import InboundMessage
from schemas.placement import CLOSED, HoldReason
from schemas.routing_rows import ThreadRow
from ticket_store.numbers import TicketNumbers


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
        )

    def route(self, *messages: InboundMessage) -> None:
        for message in messages:
            if message.delivery_key not in self._keys:
                self._keys.add(message.delivery_key)
                self._route(message)

    def _route(self, message: InboundMessage) -> None:
        incoming = receive(message, message_id=next(self._ids), policies=self.policies)
        own = [incoming.own] if incoming.own else []
        for key in (*own, *(quote.key for quote in incoming.quoted)):
            self.view.threads.setdefault(key, ThreadRow(*key, None, reused=False))
        self.placer.route(incoming)

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
