"""Ticket events on their way from the outbox to readers of the API."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from api_lab import ApiLab, api_lab
from routing_lab import mail

from daemon.adapters import STORE_ERRORS, StoredPositions, TopicSink
from daemon.clock import now
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
    positions = Positions(store=api.lab.store, consumer=GROUP, topic=settings.bus.tickets_topic)
    load = StoredPositions(positions=positions)
    consumer = await log.consumer(positions.topic, group=GROUP, load_positions=load)
    keep = timedelta(days=1)
    yield Feeder(consumer=consumer, feed=EventFeed(pool=api.store.pool), positions=positions, keep=keep, clock=now)
    await consumer.close()


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


async def test_a_reader_hears_each_event_once_and_goes_on_where_it_was(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, feeding(api) as feeder, api.client() as client:
        await api.lab.route(mail("a"), mail("b", answers="a", minutes=1))
        await publish(api)
        await fed(feeder, 2)
        first = await heard(client, "0", 2)
        assert [position for position, _ in first] == [1, 2]
        assert [event["type"] for _, event in first] == ["ticket.created", "ticket.message_added"]
        assert [event["data"]["sequence"] for _, event in first] == [1, 2]
        await api.lab.run("update outbox set published_at = null")
        await api.lab.route(mail("c", answers="b", minutes=2))
        await publish(api)
        await fed(feeder, 3)
        ((position, event),) = await heard(client, "2", 1)
        assert (position, event["data"]["message"]["text"]) == (3, "text of c")


async def test_a_reader_hears_nothing_of_other_accounts(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, feeding(api) as feeder:
        await api.lab.route(mail("b", sender="bob@b.example", account="sales", scope="sales"), mail("a", minutes=1))
        await publish(api)
        await fed(feeder, 2)
        async with api.client(accounts=["support"]) as client:
            ((_, event),) = await heard(client, "0", 1)
        assert event["data"]["ticket"]["account"] == "support"


async def test_another_feeder_of_the_same_place_stores_nothing(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, feeding(api) as feeder:
        await api.lab.route(mail("a"))
        await publish(api)
        await fed(feeder, 1)
        await api.lab.run("update consumer_offsets set next_offset = next_offset + 5 where consumer = %s", [GROUP])
        await api.lab.route(mail("b", answers="a", minutes=1))
        await publish(api)
        await feeder.turn()
        assert len(await api.lab.rows("select 1 from api_events")) == 1


async def test_more_streams_than_allowed_are_told_to_come_later(database: str, tmp_path: Path) -> None:
    async with (
        api_lab(database, tmp_path, streams=1) as api,
        api.client() as client,
        api.client() as other,
        client.stream("GET", "/events") as answer,
    ):
        assert answer.status_code == 200
        async for _ in answer.aiter_lines():
            async with other.stream("GET", "/events") as refused:
                assert refused.status_code == 429
            break
