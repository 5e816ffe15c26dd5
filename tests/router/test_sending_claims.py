"""A claim on a send is one worker's: whoever lost it changes nothing more, however often others took and gave back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from answering_lab import LATER, answers, number_of, store_of
from routing_lab import Lab, mail, open_lab
from sending_lab import LEASE

from schemas.message import Text
from schemas.outbound_rows import DueSend
from ticket_store.parts import PostgresParts
from ticket_store.sends import PostgresSends

OVER = LATER + LEASE + timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Overtaken:
    """A send whose claim `old` ran out; another worker took it, and gave it back without an attempt."""

    lab: Lab
    queue: PostgresSends
    old: DueSend

    async def row(self) -> dict[str, Any]:
        (found,) = await self.lab.rows("select * from sends")
        return found

    async def claimed_again(self) -> DueSend:
        return await claimed(self.queue, OVER)


async def claimed(queue: PostgresSends, at: datetime) -> DueSend:
    (send,) = await queue.claim(rooms={"mail": 1}, now=at, until=at + LEASE)
    return send


@asynccontextmanager
async def overtaken(database: str) -> AsyncIterator[Overtaken]:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        await answers(lab).reply(await number_of(lab, "one"), Text(content="It is on its way"), by="rui")
        queue = PostgresSends(pool=lab.pool)
        old = await claimed(queue, LATER)
        await queue.give_back([await claimed(queue, OVER)], due_at=OVER, problem="not now")
        yield Overtaken(lab=lab, queue=queue, old=old)


async def test_a_worker_that_lost_its_claim_marks_nothing(database: str) -> None:
    async with overtaken(database) as found, store_of(found.lab).transaction() as transaction:
        assert await transaction.lock_send(found.old) is None


async def test_a_worker_that_lost_its_claim_neither_keeps_nor_gives_back(database: str) -> None:
    async with overtaken(database) as found:
        before = await found.row()
        await found.queue.extend([found.old], until=LATER + timedelta(days=1))
        await found.queue.give_back([found.old], due_at=LATER, problem="a late word")
        assert await found.row() == before


async def test_a_worker_that_lost_its_claim_begins_no_piece(database: str) -> None:
    async with overtaken(database) as found:
        parts, message = PostgresParts(pool=found.lab.pool), found.old.message_id
        await parts.begin(message, {0: ""})
        assert not await parts.try_part(message, 0, claim=found.old.claim, now=LATER)
        held = await found.claimed_again()
        assert await parts.try_part(message, 0, claim=held.claim, now=LATER)


async def test_what_was_given_back_does_not_count_as_an_attempt(database: str) -> None:
    async with overtaken(database) as found:
        assert (found.old.attempt, (await found.claimed_again()).attempt) == (1, 2)
