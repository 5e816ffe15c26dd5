"""The way of ticket events to readers of the API: outbox, topic, feed, stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
from api_lab import ApiLab

from daemon.adapters import STORE_ERRORS, TopicSink
from daemon.clock import now
from daemon.feed_watch import FeedWatch
from daemon.feeder import GROUP, Feeder
from daemon.wiring import ensure_topics
from router.positions import Positions
from router.relay import Relay
from ticket_store.feed import EventFeed
from ticket_store.outbox import PostgresOutbox


@asynccontextmanager
async def feeding(api: ApiLab) -> AsyncIterator[Feeder]:
    settings, log = api.store.settings, api.store.log
    await ensure_topics(log, settings)
    feeder = Feeder(
        log=log,
        feed=EventFeed(pool=api.store.pool),
        positions=Positions(store=api.lab.store, consumer=GROUP, topic=settings.bus.tickets_topic),
        watch=FeedWatch(board=api.board, metrics=api.metrics, consumer=GROUP),
        keep=timedelta(days=1),
        clock=now,
    )
    yield feeder
    await feeder.close()


async def publish(api: ApiLab) -> None:
    sink = TopicSink(publisher=await api.store.log.publisher(), topic=api.store.settings.bus.tickets_topic)
    outbox = PostgresOutbox(pool=api.store.pool)
    relay = Relay(outbox=outbox, sink=sink, clock=now, store_errors=STORE_ERRORS)
    while await relay.round():
        pass


async def fed(feeder: Feeder, records: int) -> None:
    async with asyncio.timeout(20):
        while records > 0:
            records -= await feeder.turn()


async def heard(client: httpx.AsyncClient, last: str, count: int) -> list[tuple[int, dict[str, Any]]]:
    found: list[tuple[int, dict[str, Any]]] = []
    position = 0
    async with asyncio.timeout(20), client.stream("GET", "/events", headers={"Last-Event-ID": last}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            if line.startswith("id: "):
                position = int(line[4:])
            elif line.startswith("data: "):
                found.append((position, json.loads(line[6:])))
                if len(found) == count:
                    break
    return found


async def blocked(api: ApiLab, statements: int = 1) -> None:
    """Wait until so many statements stand before a lock."""
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    async with asyncio.timeout(20):
        while len(await api.lab.rows(waiting)) < statements:  # noqa: ASYNC110 - only the store knows
            await asyncio.sleep(0.01)
