"""One stage of many in one database: accounts and partitions of its own, workers and operators, and what must hold.

Rows of different scenes never meet: accounts and scopes carry the scene's number, and each has two partitions.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

from answering_lab import tending
from router_running import Running
from routing_lab import START, Lab, LabConsumer, LabLog

from lifecycle.statuses import MoveError, Status
from router.desk import Desk, NotHeldError
from router.policy import Policies
from schemas.message import InboundMessage

SOURCE = "/switchboard/scene"
FUSE = 10_000
"""Dead letters in a row that no scene reaches: many records that the store refuses must end, too."""
ResultT = TypeVar("ResultT")

ENDS = """
    select partition, "offset", 'message' as kind from messages where partition = any(%(partitions)s)
    union all select partition, "offset", 'duplicate' from duplicates where partition = any(%(partitions)s)
    union all select partition, "offset", 'dead' from dead_letters where partition = any(%(partitions)s)
    order by 1, 2
"""
EVENTS = """
    with told as materialized (
        select t.*, o.sequence, (o.event::jsonb #>> '{data,message,id}')::bigint as message_id
        from outbox o join tickets t on t.id = o.ticket_id
        where t.scope = any(%(scopes)s)
    )
    select told.id as ticket_id, told.sequence, told.version, told.message_count, told.requester_address as requester,
           told.scope, m.id, m.ticket_id as stands_on, m.scope as came_to, m.sender_address as sender, m.verdict,
           m.decision ->> 'rule' as rule, m.details -> 'to' as "to", m.details -> 'cc' as cc
    from told left join messages m on m.id = told.message_id
    order by told.id, told.sequence
"""
"""Read once by number: comparing every event with every message takes minutes when the planner errs."""

STATES = """
    select m.id, m.state, m.account, m.scope, encode(m.delivery_key, 'hex') as key, m.ticket_id, s.reason,
           (select count(*) from held_ids h where h.message_id = m.id) as awaited,
           m.details -> 'thread' ?| array['in_reply_to', 'references'] as quotes
    from messages m left join spool s on s.message_id = m.id
    where m.scope = any(%(scopes)s)
    order by m.id
"""
OVERDUE = """
    select child.body_text as held, parent.body_text as answers
    from messages child
    join held_ids h on h.message_id = child.id
    join thread_ids i on i.scope = h.scope and i.digest = h.digest and not i.reused
    join messages parent on parent.id = i.known_message_id and parent.sender_key = child.sender_key
    join tickets t on t.id = parent.ticket_id and t.closed_at is null
    join ticket_participants p on p.ticket_id = t.id and p.address_key = child.sender_key
    where child.scope = any(%(scopes)s) and child.state = 'held'
      and child.verdict <> 'fail' and child.automatic <> 'bounce'
      and child.subject = t.subject and parent.subject = t.subject
"""
"""Held answers to a message of their own sender that stands on an open ticket with their subject: nothing bars them."""

Row = dict[str, Any]


class Scene:
    """Messages that wait in `waiting`, and those that the router was given, in its order, in `routed`."""

    def __init__(self, lab: Lab, runner: asyncio.Runner, number: int, policies: Policies) -> None:
        self.policies = policies
        self.scopes = {name: f"{name}-{number}" for name in ("here", "elsewhere")}
        self.number = number
        self.waiting: list[InboundMessage | bytes] = []
        self.routed: list[InboundMessage | bytes] = []
        self._partitions = (2 * number, 2 * number + 1)
        self._log = LabLog(partitions={partition: [] for partition in self._partitions})
        self._lab = lab
        self._runner = runner

    def readable(self) -> list[InboundMessage]:
        """Give what the router was given, without what no store can keep."""
        return [message for message in self.routed if isinstance(message, InboundMessage)]

    def run(self, work: Coroutine[Any, Any, ResultT]) -> ResultT:
        return self._runner.run(work)

    async def route(self, *sizes: int) -> None:
        """One worker takes what waits in batches of these sizes, and the rest in one; each batch as after a restart."""
        self._log_waiting(self._partitions[:1])
        for size in (*sizes, 500):
            worker = await self._worker(self._partitions[0], batch_size=size)
            await worker.worker.turn(max_wait=0)

    async def route_twofold(self, batch_size: int, *, opened: int | None) -> None:
        """Two workers take every other message each, while an operator opens a ticket for a held one."""
        self._log_waiting(self._partitions)
        workers = [await self._worker(partition, batch_size=batch_size) for partition in self._partitions]
        desk = [] if opened is None else [self.open(opened)]
        await asyncio.gather(*(worker.drain() for worker in workers), *desk)

    def _log_waiting(self, partitions: Sequence[int]) -> None:
        for turn, message in enumerate(self.waiting):
            self._log.append(message, partitions[turn % len(partitions)])
        self.routed.extend(self.waiting)
        self.waiting.clear()

    async def _worker(self, partition: int, *, batch_size: int) -> Running:
        consumer = LabConsumer(self._log)
        consumer.next = {partition: 0}
        choices: Row = {"policies": self.policies, "batch_size": batch_size, "fuse": FUSE}
        found = Running(self._lab, self._log, consumer=consumer, **choices)
        return await found.assigned()

    def _desk(self) -> Desk:
        return Desk(store=self._lab.store, policies=self.policies, source=SOURCE, clock=lambda: START)

    async def open(self, pick: int) -> None:
        """Open a ticket for a held message, if there is one; a worker may be faster."""
        held = [row for row in await self._rows(STATES) if row["state"] == "held"]
        if held:
            with suppress(NotHeldError):
                await self._desk().open(held[pick % len(held)]["id"])

    async def link(self, pick: int, onto: int) -> None:
        """Put a held message on a ticket of its scope, if there are both."""
        held = [row for row in await self._rows(STATES) if row["state"] == "held"]
        message: Row = held[pick % len(held)] if held else {"scope": ""}
        numbers = [row["number"] for row in await self._tickets() if row["scope"] == message["scope"]]
        if numbers:
            await self._desk().link(message["id"], numbers[onto % len(numbers)])

    async def turn(self, pick: int, status: Status, *, minutes: int) -> None:
        """Close a ticket, open it or call it spam, if there is one that may."""
        numbers = [row["number"] for row in await self._tickets() if row["status"] != status]
        if numbers:
            with suppress(MoveError):
                await self._move(numbers[pick % len(numbers)], status, START + timedelta(minutes=minutes))

    async def _move(self, number: str, status: Status, now: datetime) -> None:
        desk = tending(self._lab, now)
        await {Status.OPEN: desk.reopen, Status.CLOSED: desk.close, Status.SPAM: desk.spam}[status](number)

    async def _tickets(self) -> list[Row]:
        return await self._rows("select number, scope, status from tickets where scope = any(%(scopes)s) order by id")

    async def _rows(self, query: str) -> list[Row]:
        parameters = {"partitions": list(self._partitions), "scopes": list(self.scopes.values())}
        async with self._lab.pool.connection() as connection:
            cursor = await connection.execute(query, parameters)
            names = [column.name for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]

    async def groups(self) -> tuple[set[frozenset[str]], dict[str, str]]:
        """Give tickets as sets of deliveries, and the hold reasons of deliveries."""
        tickets: dict[int, set[str]] = {}
        rows = await self._rows(STATES)
        for row in rows:
            if row["ticket_id"] is not None:
                tickets.setdefault(row["ticket_id"], set()).add(row["key"])
        held = {row["key"]: row["reason"] for row in rows if row["state"] == "held"}
        return {frozenset(keys) for keys in tickets.values()}, held

    async def check(self) -> None:
        """Check what holds whoever routes, in any order."""
        await self._check_ends()
        states = await self._rows(STATES)
        for row in states:
            held = row["state"] == "held"
            assert (row["reason"] is not None) == held, "a message waits exactly while it stands in the spool"
            assert (row["awaited"] > 0) == (held and row["quotes"]), "only held messages wait for the ids they quote"
        events = await self._rows(EVENTS)
        announced = sorted(row["id"] for row in events if row["id"] is not None)
        assert announced == [row["id"] for row in states if row["ticket_id"] is not None]
        for _, history in groupby(events, key=itemgetter("ticket_id")):
            check_history(list(history))
        assert await self._rows(OVERDUE) == []

    async def _check_ends(self) -> None:
        """Every record has exactly one end, and only those that PostgreSQL refuses died."""
        ends = [(row["partition"], row["offset"], row["kind"] == "dead") for row in await self._rows(ENDS)]
        given = [
            (partition, record.offset, b"\\u0000" in record.value)
            for partition, records in sorted(self._log.partitions.items())
            for record in records
        ]
        assert ends == given


def check_history(history: Sequence[Row]) -> None:
    """Check one ticket's events in order: none is missing, and nobody writes there before being let in."""
    last = history[-1]
    assert [row["sequence"] for row in history] == list(range(1, last["version"] + 1))
    messages = [row for row in history if row["id"] is not None]
    assert len(messages) == last["message_count"]
    let_in = {last["requester"]}
    for row in messages:
        assert (row["stands_on"], row["came_to"]) == (row["ticket_id"], row["scope"])
        if row["rule"] == "operator":
            let_in.add(row["sender"])
        assert row["sender"] in let_in, "a message came onto a ticket of people who did not name its sender"
        if row["sender"] == row["requester"] and row["verdict"] != "fail":
            let_in.update(party["address"] for party in (*(row["to"] or ()), *(row["cc"] or ())))
