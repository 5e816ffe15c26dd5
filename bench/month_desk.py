"""The desk under the simulated month: the real normalizer, router, answers and closing on a real store; no SMTP."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bench.month_people import DESK, OLD_DESK, Ours, Talk
from bench.month_score import Found, Sent
from connectors.base import Account, Delivery
from connectors.mail.compose import reply_address
from connectors.mail.normalize import normalize
from lifecycle.statuses import Move, Reason, Status, move
from router.batch import BatchRouter, Part, Routable
from router.keys import Keyring
from router.legacy_desk import LegacyDesk, LegacyPolicy
from router.outbound import Outbound
from router.policy import AccountPolicy, Policies
from router.suggest import Suggester
from router.tending import Tending
from schemas.message import InboundMessage, Party, Result, Text, Verdict
from schemas.routing_rows import LogPosition
from ticket_store.instance import read_or_create
from ticket_store.migrate import migrate
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore
from ticket_store.pool import Pool, make_pool
from ticket_store.routing import RoutingStore
from ticket_store.suggestions import SuggestionStore

ROOT: Final = Path(__file__).parents[1]
ACCOUNT: Final = Account(name="support", channel="mail", scope="support")
NOWHERE: Final = LogPosition("router", "switchboard.inbound", "month")
AT_ONCE: Final = 4
"""Agents who write at the same time."""

FOUND: Final = """
    select encode(m.delivery_key, 'hex'), m.id, m.state, m.ticket_id, coalesce(m.decision ->> 'ticket', ''),
           m.decision ->> 'rule', m.decision ->> 'outcome', coalesce(m.decision ->> 'continues', ''),
           (m.decision -> 'evidence' -> 0 ->> 'message_id')::bigint,
           m.decision ->> 'explanation'
    from messages m where m.delivery_key = any(%s::bytea[])
"""
SAID: Final = "select details -> 'thread' -> 'own' ->> 'shown', subject from messages where id = %s"


def policies(cut_over: datetime) -> Policies:
    """Give the account's policies: the defaults, and a desk that was used before and left in the second week."""
    old = LegacyDesk(name="old", cutover_at=cut_over, id_domains=frozenset({OLD_DESK}), policy=LegacyPolicy.OPEN)
    return Policies(own_addresses=frozenset({DESK}), default=AccountPolicy(), senders={"support": DESK}, legacy=(old,))


class DeskOfTheMonth:
    """Takes batches of mails and tells what became of them; `now` is the time that everybody sees."""

    def __init__(self, *, pool: Pool, key: bytes, policies: Policies, now: datetime) -> None:
        self.now = now
        self._pool = pool
        self._seen: set[int] = set()
        numbers = TicketNumbers(key=key)
        store, outbound = RoutingStore(pool=pool, numbers=numbers), OutboundStore(pool=pool, numbers=numbers)
        desk, source = Party(address=DESK, name="Support"), "/switchboard/month"
        self._router = BatchRouter(store=store, policies=policies, source=source, clock=self.clock)
        self._answers = Outbound(
            store=outbound, policies=policies, desks={"support": desk}, source=source, clock=self.clock
        )
        self._tending = Tending(store=outbound, policies=policies, lifecycle=_move, source=source, clock=self.clock)
        self._suggester = Suggester(
            store=SuggestionStore(pool=pool), policies=policies, keyring=Keyring(store=store, clock=self.clock)
        )

    def clock(self) -> datetime:
        """Give the time in the month."""
        return self.now

    async def take(self, mails: Sequence[Sent]) -> list[Found | None]:
        """Normalize and route a batch, and read what became of each mail; None: it was a duplicate."""
        messages = [_message(sent) for sent in mails]
        part = Part(log=NOWHERE, moves=(), messages=[Routable(message=message) for message in messages])
        await self._router.route(part)
        keys = [message.delivery_key for message in messages]
        rows = await self._rows(FOUND, [[bytes.fromhex(key) for key in set(keys)]])
        held = [row[1] for row in rows if row[2] == "held"]
        likely = await self._suggester.suggest(held)
        fresh = {row[0]: row for row in rows if row[1] not in self._seen}
        self._seen.update(row[1] for row in rows)
        taken = (fresh.pop(key, None) for key in keys)
        return [row and _found(row, [one.ticket for one in likely.get(row[1], ())]) for row in taken]

    async def answer(self, talks: Sequence[Talk]) -> list[tuple[Talk, Ours]]:
        """Answer each talk's ticket as agents do, a few at a time."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(talk: Talk) -> tuple[Talk, Ours]:
            async with gate:
                said = await self._answers.reply(
                    talk.number, Text(content="Please try again, and tell us what you see."), by="agent"
                )
                shown, subject = (await self._rows(SAID, [said.message_id]))[0]
            address = reply_address(shown, DESK)
            return talk, Ours(
                message_id=said.message_id, shown=shown, wire_id=shown, subject=subject, reply_address=address
            )

        return list(await asyncio.gather(*(one(talk) for talk in talks)))

    async def close(self, talks: Sequence[Talk]) -> None:
        """Close tickets."""
        for talk in talks:
            await self._tending.close(talk.number)

    async def _rows(self, query: str, parameters: Sequence[object]) -> list[Any]:
        async with self._pool.connection() as connection:
            cursor = await connection.execute(query.encode(), parameters)
            return await cursor.fetchall()


def _message(sent: Sent) -> InboundMessage:
    """Make the message of a mail; the check of its sender is given, because it would ask the world's name servers."""
    delivery = Delivery(
        account=ACCOUNT, raw=sent.raw, received_at=sent.at, intake="smtp", mail_from=sent.mail_from,
        rcpt_to=(sent.rcpt_to,),
    )  # fmt: skip
    return normalize(delivery).message.model_copy(update={"verdict": Verdict(result=Result(sent.verdict))})


def _found(row: Sequence[Any], suggested: Sequence[str]) -> Found:
    return Found(
        message_id=row[1], state=row[2], ticket=row[3], number=row[4], rule=row[5], outcome=row[6], continues=row[7],
        reported=row[8], explanation=row[9], suggested=tuple(suggested),
    )  # fmt: skip


def _move(current: str, target: str, at: datetime) -> Move:
    return move(current, Status(target), reason=Reason.OPERATOR, at=at)


@asynccontextmanager
async def open_desk(url: str, *, wanted: Policies, now: datetime) -> AsyncIterator[DeskOfTheMonth]:
    """Open a desk on a fresh database."""
    migrate(url, [(folder.parent.name, folder) for folder in sorted(ROOT.glob("*/migrations"))])
    async with make_pool(url, name="month", max_size=AT_ONCE + 2) as pool:
        async with pool.connection() as connection:
            instance = await read_or_create(connection)
        yield DeskOfTheMonth(pool=pool, key=instance.ticket_number_key, policies=wanted, now=now)
