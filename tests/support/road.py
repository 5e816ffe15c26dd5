"""The whole way of a mail in one process, on a real PostgreSQL: SMTP, parser, blobs, log, router, store, ledger."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row
from raw_sender import sending
from routing_lab import Watch

from bus.port import BusUnavailableError, PositionLostError
from bus.postgres import PostgresLog
from connectors.intake import Intake
from connectors.mail.normalize import undecodable
from connectors.mail.normalizer import MailNormalizer
from connectors.mail.settings import MailAccountSettings, SmtpSettings
from connectors.mail.smtp import SmtpIntake
from connectors.mail.smtp_address import AccountDirectory
from daemon.adapters import StoredPositions
from daemon.health import Board
from daemon.sink import BusSink
from daemon.wiring import GROUP
from router.policy import Policies
from router.ports import LogErrors
from router.positions import Positions
from router.worker import RouterWorker
from schemas.message import Kind
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.ledger import Ledger, read_ledger
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import Pool, make_pool
from ticket_store.routing import RoutingStore

TOPIC = "switchboard.inbound"
PARTITIONS = 4
SETTLE_SECONDS = 60.0
KEY = bytes(range(32))
ACCOUNTS = {
    "support": MailAccountSettings(addresses=("support@*",)),
    "billing": MailAccountSettings(addresses=("billing@shop.example",)),
    "returns": MailAccountSettings(addresses=("returns@shop.example",)),
}
ERRORS = LogErrors(unavailable=BusUnavailableError, position_lost=PositionLostError)

OUTCOMES = """
    select encode(delivery_key, 'hex') as key, account, state as outcome, coalesce(reason, '') as reason,
           coalesce(explanation, '') as explanation
    from messages left join spool on message_id = id
    union all select encode(delivery_key, 'hex'), account, kind, '', '' from duplicates
    union all select '', account, 'dead_lettered', sqlstate, reason from dead_letters
"""


def clock() -> datetime:
    return datetime.now(UTC)


class Tally:
    """What the intake counted."""

    def __init__(self) -> None:
        self.kinds: Counter[Kind] = Counter()
        self.later_count = 0
        self.parser_failures = 0

    def accepted(self, *, account: str, kind: Kind) -> None:
        assert account in ACCOUNTS
        self.kinds[kind] += 1

    def later(self, *, account: str) -> None:
        assert account in ACCOUNTS
        self.later_count += 1

    def parser_failed(self, *, account: str) -> None:
        assert account in ACCOUNTS
        self.parser_failures += 1

    def took(self, seconds: float) -> None:
        assert seconds >= 0


class AlwaysOpen:
    def check(self) -> None:
        """Nothing closes it."""


class Road:
    """Started parts. `send` gives the answers of the listener, `settled` waits until all is routed."""

    def __init__(self, *, smtp: SmtpIntake, log: PostgresLog, pool: Pool, blobs: LocalBlobStore, tally: Tally) -> None:
        self.smtp, self.log, self.pool, self.blobs, self.tally = smtp, log, pool, blobs, tally
        self.watch = Watch()

    async def send(self, raw: bytes, *recipients: str) -> str:
        """Send one mail over a session of its own; give the answer to its end."""
        async with sending(*self.smtp.address) as sender:
            return await sender.mail(raw, *recipients)

    async def send_all(self, mails: Sequence[bytes], *, sessions: int = 4) -> list[str]:
        """Send many over some sessions at once; give their answers in order."""
        answers: list[str] = [""] * len(mails)

        async def session(first: int) -> None:
            async with sending(*self.smtp.address) as sender:
                for number in range(first, len(mails), sessions):
                    answers[number] = await sender.mail(mails[number])

        await asyncio.gather(*map(session, range(min(sessions, len(mails)))))
        return answers

    async def settled(self) -> Ledger:
        """Wait until every record is routed; give the ledger."""
        async with asyncio.timeout(SETTLE_SECONDS):
            while (ledger := await self.ledger()).in_flight:  # noqa: ASYNC110 - what is asked is the database
                await asyncio.sleep(0.02)
        return ledger

    async def ledger(self) -> Ledger:
        async with self.pool.connection() as connection:
            return await read_ledger(
                connection, consumer=GROUP, topic=TOPIC, log_ends=lambda: self.log.partitions(TOPIC)
            )

    async def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

    async def outcomes(self) -> list[dict[str, Any]]:
        """Give what became of every delivery: key, account, outcome, and why it is held or dead."""
        return await self.rows(OUTCOMES)

    async def outcome_of(self, answer: str) -> str:
        """Give what became of the mail that got this answer: its state, with the reason if it is held."""
        key = key_of(answer)
        found = [row for row in await self.outcomes() if row["key"].startswith(key)]
        return ", ".join(sorted(f"{row['outcome']} {row['reason']}".strip() for row in found)) or "nothing"


def key_of(answer: str) -> str:
    """Give the beginning of the delivery key that a 250 names."""
    assert answer.startswith("250 2.0.0 Ok: stored as "), answer
    return answer.rpartition(" ")[2]


@asynccontextmanager
async def open_road(database: str, folder: Path, **smtp_settings: object) -> AsyncIterator[Road]:
    """Start everything; the end of the block stops it."""
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(make_pool(database, name="road", max_size=4))
        log = PostgresLog(conninfo=database)
        stack.push_async_callback(log.close)
        await log.ensure_topic(TOPIC, partitions=PARTITIONS, retention_hours=1)
        blobs = LocalBlobStore(root=folder / "blobs")
        stack.callback(blobs.close)
        await blobs.prepare(now=clock())
        tally = Tally()
        intake = await _intake(stack, log, blobs, tally)
        smtp = SmtpIntake(
            settings=SmtpSettings.model_validate({"port": 0, "spill_folder": folder / "spill", **smtp_settings}),
            directory=AccountDirectory(accounts=ACCOUNTS),
            intake=intake,
            clock=clock,
        )
        await smtp.start()
        stack.push_async_callback(smtp.stop, 0.5)
        road = Road(smtp=smtp, log=log, pool=pool, blobs=blobs, tally=tally)
        await _route(stack, road)
        yield road


async def _intake(stack: AsyncExitStack, log: PostgresLog, blobs: LocalBlobStore, tally: Tally) -> Intake:
    normalizer = MailNormalizer()
    stack.push_async_callback(normalizer.close)
    sink = BusSink(
        publisher=await log.publisher(), topic=TOPIC, blobs=blobs, board=Board(clock=clock), shrunk=lambda: None
    )
    return Intake(normalize=normalizer, undecodable=undecodable, blobs=blobs, sink=sink, door=AlwaysOpen(), meter=tally)


async def _route(stack: AsyncExitStack, road: Road) -> None:
    store = RoutingStore(pool=road.pool, numbers=TicketNumbers(key=KEY))
    positions = Positions(store=store, consumer=GROUP, topic=TOPIC)
    worker = RouterWorker(
        consumer=await road.log.consumer(TOPIC, group=GROUP, load_positions=StoredPositions(positions=positions)),
        errors=ERRORS,
        store=store,
        positions=positions,
        policies=Policies(),
        source="/switchboard/road",
        clock=clock,
        health=road.watch,
        metrics=road.watch,
    )
    running = asyncio.create_task(worker.run(), name="router")
    stack.push_async_callback(_end, worker, running)


async def _end(worker: RouterWorker, running: asyncio.Task[None]) -> None:
    worker.stop()
    await asyncio.wait_for(running, 20)
