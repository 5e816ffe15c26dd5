"""What the store says of a scenario's messages and tickets, by the names of its steps."""

from collections.abc import Sequence
from typing import Any, Final

from routing_lab import Lab

from schemas.message import InboundMessage

MESSAGES: Final = """
    select m.id, m.state, m.channel,
           m.direction, m.author, m.visibility, m.automatic, m.verdict, m.sender_address as sender,
           m.scope, m.account, m.ticket_id, m.decision, m.body_text as text, m.subject, m.details, t.number,
           m.received_at, s.reason as held,
           (
               select min(o.sequence) from outbox o
               where o.ticket_id = m.ticket_id and (o.event::jsonb #>> '{data,message,id}')::bigint = m.id
           ) as told,
           encode(m.delivery_key, 'hex') as key,
           encode(m.raw_sha256, 'hex') as raw, d.recipients, d.kind as send_kind
    from messages m
    left join tickets t on t.id = m.ticket_id
    left join spool s on s.message_id = m.id
    left join sends d on d.message_id = m.id
    where m.scope = any(%(scopes)s)
    order by m.received_at, m.id
"""
TICKETS: Final = """
    select t.id, t.number, t.status, t.version, t.message_count, t.requester_address as requester, t.merged_into_id,
           t.subject, t.scope, t.live, f.number as continues,
           array(
               select p.address || ' ' || p.role from ticket_participants p where p.ticket_id = t.id order by 1
           ) as people,
           array(select o.type from outbox o where o.ticket_id = t.id order by o.sequence) as events,
           array(select o.sequence from outbox o where o.ticket_id = t.id order by o.sequence) as sequences
    from tickets t left join tickets f on f.id = t.continues_id
    where t.scope = any(%(scopes)s)
    order by t.id
"""
DOUBLES: Final = """
    select encode(delivery_key, 'hex') as key, kind, original_message_id from duplicates
    where account = any(%(accounts)s)
"""
NOTICES: Final = """
    select n.message_id, n.reason, n.state, n.why, n.address from notices n join messages m on m.id = n.message_id
    where m.scope = any(%(scopes)s)
"""

Row = dict[str, Any]


class Rows:
    """`names` gives messages of ours by name; those that came are found by their delivery keys."""

    def __init__(self, lab: Lab, scopes: Sequence[str]) -> None:
        self.scopes = list(scopes)
        self.names: dict[str, int] = {}
        self.keys: dict[str, list[InboundMessage]] = {}
        self.numbers: dict[str, str] = {}
        self._lab = lab

    def taken(self, name: str, messages: Sequence[InboundMessage]) -> None:
        """Remember what a step brought; to a second account, as `NAME at ACCOUNT`."""
        self.keys.setdefault(name, list(messages))
        for message in messages:
            self.keys.setdefault(f"{name} at {message.account.rpartition('-')[0]}", [message])

    async def messages(self) -> list[Row]:
        return await self._lab.rows(MESSAGES.replace("%(scopes)s", "%s"), [self.scopes])

    async def tickets(self) -> dict[int, Row]:
        rows = await self._lab.rows(TICKETS.replace("%(scopes)s", "%s"), [self.scopes])
        return {row["id"]: row for row in rows}

    async def doubles(self) -> list[Row]:
        accounts = sorted({message.account for found in self.keys.values() for message in found})
        return await self._lab.rows(DOUBLES.replace("%(accounts)s", "%s"), [accounts])

    async def notices(self) -> list[Row]:
        return await self._lab.rows(NOTICES.replace("%(scopes)s", "%s"), [self.scopes])

    async def find(self, name: str) -> Row | None:
        """Give a message by the name of its step; None for a duplicate."""
        rows = await self.messages()
        if name in self.names:
            return next(row for row in rows if row["id"] == self.names[name])
        key = self.keys[name][0].delivery_key
        return next((row for row in rows if row["key"] == key), None)

    async def id(self, name: str) -> int:
        row = await self.find(name)
        assert row is not None, f"{name} is no message of its own"
        return int(row["id"])

    async def number(self, name: str) -> str:
        """Give the number of the ticket on which a step's message stands."""
        row = await self.find(name)
        assert row is not None, f"{name} is no message of its own"
        assert row["number"], f"{name} stands on no ticket"
        return str(row["number"])

    async def refresh(self) -> None:
        """Note the numbers of tickets, for what stands in braces."""
        rows = await self.messages()
        by_key = {row["key"]: row["number"] for row in rows if row["number"]}
        by_id = {row["id"]: row["number"] for row in rows if row["number"]}
        named = {name: by_key.get(found[0].delivery_key) for name, found in self.keys.items()}
        named |= {name: by_id.get(message_id) for name, message_id in self.names.items()}
        self.numbers = {name: number for name, number in named.items() if number}

    async def unnamed_of_ours(self) -> list[int]:
        """Give messages of ours that no step has named yet, in order."""
        known = set(self.names.values())
        return [row["id"] for row in await self.messages() if row["direction"] == "out" and row["id"] not in known]
