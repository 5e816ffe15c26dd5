"""Messages to route, a log in memory to read them from, and a look at what the router made of them."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg.rows import dict_row

from router.batch import BatchRouter, Part, Routable, Routed
from router.policy import AccountPolicy, Otherwise, Policies, SenderMatch
from router.ports import LogErrors
from router.stored import message_of
from schemas.events import TicketEvent
from schemas.message import InboundMessage, record_header
from schemas.routing_rows import HeldMessageRow, LogPosition
from ticket_store.numbers import TicketNumbers
from ticket_store.pool import Pool, make_pool
from ticket_store.routing import RoutingStore

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = bytes(range(32))
OWN_ADDRESS = "support@desk.example"
NOWHERE = LogPosition("router", "switchboard.inbound", "lab")
HOLDING = Policies(own_addresses=frozenset({OWN_ADDRESS}))
OPENING = Policies(
    own_addresses=frozenset({OWN_ADDRESS}),
    default=AccountPolicy(unmatched=Otherwise.NEW, sender_match=SenderMatch.OFF),
)
ANYONE = Policies(
    own_addresses=frozenset({OWN_ADDRESS}),
    default=AccountPolicy(unmatched=Otherwise.NEW, sender_match=SenderMatch.ANY),
)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def mail(
    name: str | None,
    sender: str = "ana@a.example",
    *,
    answers: str | Sequence[str] = (),
    references: Sequence[str] = (),
    subject: str = "Printer",
    prefix: str | None = None,
    to: Sequence[str] = (OWN_ADDRESS,),
    cc: Sequence[str] = (),
    account: str = "support",
    scope: str = "support",
    minutes: float = 0,
    body: str = "",
    verdict: str = "none",
    date: str = "",
    tokens: Sequence[tuple[str, str]] = (),
    **more: Any,
) -> InboundMessage:
    """Make a mail. Its id is `name`; `answers` and `references` are names of other mails; `minutes` after START.

    `tokens` are places and tokens of ours that were found there.
    """
    answered = (answers,) if isinstance(answers, str) else tuple(answers)
    claimed = prefix or ("reply" if answered or references else "none")
    identity = f"{name}|{sender}|{date}|{'' if name else subject}"
    return InboundMessage(
        channel="mail",
        account=account,
        scope=scope,
        delivery_key=digest(f"{account}|{identity}|{body}"),
        fingerprint=digest(identity) if name else None,
        received_at=START + timedelta(minutes=minutes),
        sender={"address": sender},
        to=[{"address": address} for address in to],
        cc=[{"address": address} for address in cc],
        verdict={"result": verdict},
        subject=subject,
        text={"content": body or f"text of {name}"},
        thread={
            "own": _thread_id(name) if name else None,
            "in_reply_to": [_thread_id(answer) for answer in answered],
            "references": [_thread_id(reference) for reference in references],
            "tokens": [{"place": place, "value": token} for place, token in tokens],
            "subject_prefix": claimed,
            "subject_base": subject.casefold(),
        },
        raw={"sha256": digest(f"raw {account} {identity} {body}"), "size": 100},
        envelope={"rcpt_to": [OWN_ADDRESS], "intake": "smtp"},
        **more,
    )


def _thread_id(name: str) -> dict[str, str]:
    return {"digest": digest(name), "shown": f"<{name}@mail.example>"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRecord:
    partition: int
    offset: int
    value: bytes
    key: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = (record_header(),)
    stored_at: datetime = START
    topic: str = "switchboard.inbound"


class LogDownError(Exception):
    pass


class PositionGoneError(Exception):
    def __init__(self, partition: int) -> None:
        super().__init__(f"partition {partition} begins behind the stored offset")
        self.partition = partition


ERRORS = LogErrors(unavailable=LogDownError, position_lost=PositionGoneError)


@dataclass(kw_only=True)
class LabLog:
    """A log in memory that several consumers may read at once, as a zombie would."""

    partitions: dict[int, list[LabRecord]] = field(default_factory=dict)

    def extend(self, values: Iterable[InboundMessage | bytes]) -> None:
        for value in values:
            self.append(value)

    def append(self, value: InboundMessage | bytes, partition: int = 0, **more: Any) -> LabRecord:
        content = value if isinstance(value, bytes) else value.model_dump_json().encode()
        records = self.partitions.setdefault(partition, [])
        record = LabRecord(partition=partition, offset=len(records), value=content, **more)
        records.append(record)
        return record


class LabConsumer:
    """Reads a `LabLog` from given positions."""

    def __init__(self, log: LabLog, positions: Mapping[int, int] | None = None, *, identity: str = "lab") -> None:
        self._log = log
        self._identity = identity
        self.next = dict.fromkeys(log.partitions, 0) | dict(positions or {})
        self.paused: set[int] = set()
        self.mirrored: dict[int, int] = {}
        self.failures: list[Exception] = []

    @property
    def log_identity(self) -> str:
        return self._identity

    async def fetch(self, *, max_records: int, max_wait: float) -> Sequence[LabRecord]:
        if self.failures:
            raise self.failures.pop(0)
        found: list[LabRecord] = []
        for partition, offset in sorted(self.next.items()):
            if partition not in self.paused:
                found.extend(self._log.partitions[partition][offset:][: max_records - len(found)])
        for record in found:
            self.next[record.partition] = record.offset + 1
        await asyncio.sleep(0 if found else min(max_wait, 0.01))
        return found

    async def seek(self, positions: Mapping[int, int]) -> None:
        self.next.update(positions)

    async def pause(self, partition: int) -> None:
        self.paused.add(partition)

    async def mirror(self, positions: Mapping[int, int]) -> None:
        self.mirrored.update(positions)


@dataclass(kw_only=True)
class Watch:
    """Keeps what the router says about itself."""

    troubles: dict[str, str] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    phases: set[str] = field(default_factory=set)
    lags: dict[int, float] = field(default_factory=dict)
    _heard: dict[str, asyncio.Event] = field(default_factory=dict)

    async def hears(self, what: str) -> None:
        """Wait until the router says this for the first time."""
        await self._heard.setdefault(what, asyncio.Event()).wait()

    def _hear(self, what: str) -> None:
        self._heard.setdefault(what, asyncio.Event()).set()

    def trouble(self, what: str, message: str) -> None:
        self._hear(what)
        self.troubles[what] = message

    def well(self, what: str) -> None:
        self.troubles.pop(what, None)

    def routed(self, outcome: str, rule: str, count: int) -> None:
        self._hear(outcome)
        self.counts[outcome, rule] = self.counts.get((outcome, rule), 0) + count

    def phase(self, name: str, seconds: float) -> None:
        assert seconds >= 0
        self.phases.add(name)

    def lag(self, partition: int, seconds: float) -> None:
        self.lags[partition] = seconds


class Lab:
    """A store with a router on it."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.store = RoutingStore(pool=pool, numbers=TicketNumbers(key=KEY))

    def router(self, policies: Policies = HOLDING) -> BatchRouter:
        return BatchRouter(store=self.store, policies=policies, source="/switchboard/lab", clock=lambda: START)

    async def route(self, *messages: InboundMessage, policies: Policies = HOLDING) -> Routed:
        """Route messages as one batch that comes from no log."""
        part = Part(log=NOWHERE, moves=(), messages=[Routable(message=message) for message in messages])
        return await self.router(policies).route(part)

    @staticmethod
    def message_of(row: HeldMessageRow) -> InboundMessage:
        return message_of(row)

    @staticmethod
    def event(text: str) -> TicketEvent:
        return TicketEvent.model_validate_json(text)

    async def rows(self, query: str, parameters: Sequence[object] = ()) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()

    async def run(self, statement: str, parameters: Sequence[object] = ()) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(statement, parameters)

    async def threads(self) -> dict[str, list[str]]:
        """Give the texts on every ticket, by the text that opened it, in order of arrival."""
        rows = await self.rows(
            "select ticket_id, body_text from messages where ticket_id is not null order by ticket_id, received_at, id"
        )
        tickets: dict[int, list[str]] = {}
        for row in rows:
            tickets.setdefault(row["ticket_id"], []).append(row["body_text"].removeprefix("text of "))
        return {texts[0]: texts for texts in tickets.values()}

    async def held(self) -> dict[str, str]:
        """Give the reason of every held message by its text."""
        rows = await self.rows("select body_text, reason from spool join messages on id = message_id")
        return {row["body_text"].removeprefix("text of "): row["reason"] for row in rows}

    async def decision(self, name: str) -> dict[str, Any]:
        rows = await self.rows("select decision from messages where body_text = %s", [f"text of {name}"])
        found: dict[str, Any] = rows[0]["decision"]
        return found

    async def events(self) -> list[str]:
        rows = await self.rows("select type from outbox order by ticket_id, sequence")
        return [row["type"] for row in rows]

    async def senders_by_ticket(self) -> list[list[str]]:
        rows = await self.rows(
            "select array_agg(distinct sender_address) as senders from messages"
            " where ticket_id is not null group by ticket_id"
        )
        return [row["senders"] for row in rows]


@asynccontextmanager
async def open_lab(database: str) -> AsyncIterator[Lab]:
    async with make_pool(database, name="lab", max_size=6) as pool:
        yield Lab(pool)


def flatten(groups: Iterable[Iterable[InboundMessage]]) -> list[InboundMessage]:
    return [message for group in groups for message in group]
