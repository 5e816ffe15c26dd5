"""Turns live chats into tickets like others: an agent's command, and the time in which nobody answered."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from router.announce import Announcer
from router.live import BY_AGENT, BY_TIME, end, turn
from router.outbound import locked
from router.outbound_ports import OutboundStore, OutboundTransaction
from router.patience import patiently
from router.policy import Policies
from router.tending import NotTendedError, locked_view
from router.view import Ticket
from router.writing import change_of
from schemas.changes import Changes

AT_ONCE: Final = 100
"""Chats of one round."""


class Turning:
    """Every call is one transaction, of a round one a chat."""

    def __init__(self, *, store: OutboundStore, policies: Policies, source: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._policies = policies
        self._source = source
        self._clock = clock

    async def turn(self, number: str) -> None:
        """Turn a live chat. Raises `NotTendedError` when it is none, and `NoSuchTicketError`."""
        await patiently(self._store, lambda: self._by_agent(number))

    async def round(self) -> int:
        """Turn the chats in which nobody answered in time; give how many there were."""
        async with self._store.transaction() as transaction:
            due = await transaction.due_live(now=self._clock(), limit=AT_ONCE)
        turned = 0
        for ticket_id in due:
            turned += await patiently(self._store, partial(self._by_time, ticket_id))
        return turned

    async def _by_agent(self, number: str) -> None:
        async with self._store.transaction() as transaction:
            ticket = await locked(transaction, number)
            if not ticket.live:
                raise NotTendedError("this ticket is no live chat, or not any more")
            await self._write(transaction, ticket, BY_AGENT)

    async def _by_time(self, ticket_id: int) -> bool:
        """Turn a chat whose time is over; one that was answered waits for the customer's next word."""
        async with self._store.transaction() as transaction:
            ticket = (await locked_view(transaction, [ticket_id])).tickets[ticket_id]
            now = self._clock()
            if not ticket.live or ticket.live_until is None or ticket.live_until > now:
                return False
            since = await transaction.waiting_since(ticket_id)
            ticket.live_until = None if since is None else since + self._policies.of(ticket.account).live_for
            if ticket.live_until is None or ticket.live_until > now:
                await transaction.write(Changes(ticket_changes=[change_of(ticket)]))
                return False
            await self._write(transaction, ticket, BY_TIME)
            return True

    async def _write(self, transaction: OutboundTransaction, ticket: Ticket, reason: str) -> None:
        events = list(turn(ticket, Announcer(source=self._source, now=self._clock()), reason))
        end(ticket)
        await transaction.write(Changes(ticket_changes=[change_of(ticket)], outbox=events))
