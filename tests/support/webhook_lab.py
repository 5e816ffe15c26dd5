"""Webhooks over a real PostgreSQL to a real HTTP server on loopback, with a clock that tests move."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4, uuid5

from psycopg.rows import dict_row

from connectors.posting import Poster
from connectors.posting_guard import Reach
from daemon.adapters import STORE_ERRORS
from daemon.webhooks import TimedPoster
from router.webhooks.worker import Options, WebhookWorker
from schemas.routing_rows import LogPosition, MovedOffset
from schemas.webhook_rows import DispatchRow, Endpoint, EndpointState
from ticket_store.feed import FedEvent
from ticket_store.pool import Pool, make_pool
from ticket_store.webhook_queue import WebhookQueue
from ticket_store.webhooks import Webhooks

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LOG = LogPosition("switchboard.webhooks", "switchboard.tickets", "lab")
SECRET = bytes(range(32))
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def answer(status: int, *headers: str, body: str = "") -> bytes:
    """An HTTP answer as it goes over the wire."""
    lines = [f"HTTP/1.1 {status} So", f"content-length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass(kw_only=True)
class Asked:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def sequence(self) -> int:
        return int(self.event["data"]["sequence"])


@dataclass(kw_only=True)
class Receiver:
    """An HTTP server. `answers` by path: octets, or what gives them; `held` paths answer when their event is set."""

    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, bytes | Callable[[Asked], bytes]] = field(default_factory=dict)
    held: dict[str, asyncio.Event] = field(default_factory=dict)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await reader.readexactly(int(headers["content-length"]))
            asked = Asked(path=first.split(" ")[1], headers=headers, body=body)
            async with self.came:
                self.asked.append(asked)
                self.came.notify_all()
            if asked.path in self.held:
                await self.held[asked.path].wait()
            said = self.answers.get(asked.path, OK)
            writer.write(said(asked) if callable(said) else said)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def wait(self, count: int, path: str | None = None) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(20), self.came:
            await self.came.wait_for(lambda: len(self.at(path)) >= count)

    def at(self, path: str | None) -> list[Asked]:
        return [asked for asked in self.asked if path in (None, asked.path)]


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        for event in found.held.values():
            event.set()
        server.close()


class Counted:
    """What became of tries."""

    def __init__(self) -> None:
        self.states: list[str] = []

    def tried(self, endpoint: int, state: str, seconds: float) -> None:
        assert seconds >= 0
        self.states.append(f"{endpoint} {state}")


class WebhookLab:
    """Endpoints, events that come in over a partition, and workers."""

    def __init__(self, *, pool: Pool, receiver: Receiver) -> None:
        self.pool = pool
        self.receiver = receiver
        self.queue = WebhookQueue(pool=pool)
        self.webhooks = Webhooks(pool=pool)
        self.now = START
        self.counted = Counted()
        self.offset = 0

    def clock(self) -> datetime:
        return self.now

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.receiver.port}{path}"

    async def endpoint(self, path: str = "/hook", **more: Any) -> int:
        values: dict[str, Any] = {"name": "test", "accounts": None, "types": None, "secret": SECRET, **more}
        return await self.webhooks.add(url=self.url(path), now=self.now, **values)

    async def shown(self, endpoint_id: int) -> Endpoint:
        found = await self.webhooks.find(endpoint_id, now=self.now)
        assert found is not None
        return found

    async def came(self, *events: FedEvent) -> None:
        """Let events come from the topic."""
        expected = self.offset or None
        move = MovedOffset(0, expected, self.offset + max(1, len(events)))
        assert await self.queue.take(LOG, [move], events, now=self.now)
        self.offset = move.next_offset

    async def happened(self, ticket: str, *sequences: int, **more: Any) -> None:
        """Let so many events of a ticket come, in this order."""
        await self.came(*(event(ticket, sequence, at=self.now, **more) for sequence in sequences))

    def worker(
        self, *, queue: Any = None, poster: Any = None, seconds: float = 5, reach: Reach | None = None, **options: Any
    ) -> WebhookWorker:
        allowed = Reach.of([f"http://127.0.0.1:{self.receiver.port}"], []) if reach is None else reach
        return WebhookWorker(
            owner=uuid4(),
            queue=queue or self.queue,
            poster=poster or TimedPoster(poster=Poster(reach=allowed, clock=self.clock, seconds=seconds)),
            clock=self.clock,
            random=lambda: 0.0,
            store_errors=STORE_ERRORS,
            metrics=self.counted,
            options=Options(**options),
        )

    async def send(self, rounds: int = 50, **more: Any) -> int:
        """Send until nothing is due, and give how many requests that took."""
        worker, count = self.worker(**more), 0
        for _ in range(rounds):
            sent = await worker.round()
            count += sent
            if not sent:
                break
        return count

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    async def log(self, endpoint_id: int) -> list[DispatchRow]:
        """The dispatches, the oldest first."""
        return list(reversed(await self.webhooks.log(endpoint_id, limit=1000)))

    async def states(self, endpoint_id: int) -> list[str]:
        return [str(row.state) for row in await self.log(endpoint_id)]

    async def pause(self, endpoint_id: int, state: EndpointState = EndpointState.PAUSED) -> None:
        assert await self.webhooks.set_state(endpoint_id, state, reason="", now=self.now)

    async def resume(self, endpoint_id: int) -> None:
        await self.pause(endpoint_id, EndpointState.ACTIVE)

    async def ticket(self, number: str, *, account: str) -> None:
        """Let there be a ticket, as far as webhooks look at it."""
        await self.rows(
            "insert into tickets (id, number, scope, account, channel, match_key, requester_key, requester_address, "
            "status, created_at, last_message_at) values (%s, %s, %s, %s, 'mail', '', '', '', 'open', now(), now()) "
            "returning id",
            *(int(number), number, account, account),
        )

    async def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        async with self.pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query.encode(), values)
            return await cursor.fetchall()


@asynccontextmanager
async def webhook_lab(database: str) -> AsyncIterator[WebhookLab]:
    async with receiver() as found, make_pool(database, name="webhooks", max_size=8) as pool:
        yield WebhookLab(pool=pool, receiver=found)


def event_id(ticket: str, sequence: int) -> UUID:
    return uuid5(UUID(int=0), f"{ticket} {sequence}")


def event(ticket: str, sequence: int, *, at: datetime = START, account: str = "support", **more: Any) -> FedEvent:
    """An event as the feeder gives it; its text holds what the worker looks at."""
    kind = more.get("type", "ticket.message_added")
    named = more.get("names", ())
    about: dict[str, Any] = {"number": ticket, "account": account}
    data: dict[str, Any] = {"sequence": sequence, "ticket": about}
    if named:
        data["other"] = about["continues"] = named[0]
    found = {
        "specversion": "1.0",
        "id": str(event_id(ticket, sequence)),
        "type": kind,
        "subject": ticket,
        "time": at.isoformat(),
        "data": data,
    }
    return FedEvent(
        event_id=event_id(ticket, sequence),
        ticket=ticket,
        account=account,
        type=kind,
        sequence=sequence,
        happened_at=at,
        names=tuple(named),
        event=json.dumps(found),
    )
