"""Ticket events on their way from the outbox to readers of the API."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_feed import blocked, fed, feeding, heard, publish
from api_lab import api_lab
from routing_lab import mail

from console.api import events
from daemon.feeder import GROUP


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


async def test_one_token_has_its_share_of_streams_and_leaves_the_rest_to_others(database: str, tmp_path: Path) -> None:
    async with (
        api_lab(database, tmp_path, streams=3, streams_per_token=1) as api,
        api.client() as client,
        api.client() as other,
    ):
        async with client.stream("GET", "/events") as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            refused = await client.get("/events")
            assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
            assert refused.json()["type"] == "urn:switchboard:problem:too-many-streams"
            assert "api.streams_per_token" in refused.json()["detail"]
            assert int(refused.headers["retry-after"]) > 0
            assert (await first_line(other)).startswith("id: ")
        assert (await first_line(client)).startswith("id: ")


async def test_a_place_is_taken_before_the_store_is_asked(database: str, tmp_path: Path) -> None:
    async with (
        api_lab(database, tmp_path, streams=1) as api,
        api.client() as client,
        api.store.pool.connection() as holder,
    ):
        async with holder.transaction():
            await holder.execute("lock table api_feed")
            first = asyncio.create_task(first_line(client))
            await blocked(api)
            answer = await client.get("/events")
            assert (answer.status_code, answer.headers["content-type"]) == (429, "application/problem+json")
        assert (await first).startswith("id: ")
        assert (await first_line(client)).startswith("id: ")


async def first_line(client: httpx.AsyncClient) -> str:
    """Open a stream and leave it; its place is free a moment later."""
    async with asyncio.timeout(20):
        while True:
            async with client.stream("GET", "/events") as answer:
                if answer.status_code == 200:
                    return await anext(answer.aiter_lines())
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "change",
    [
        "update api_tokens set revoked_at = now()",
        "update api_tokens set expires_at = now()",
        "update api_tokens set scopes = '{tickets:read}'",
        "update api_tokens set accounts = '{sales}'",
    ],
)
async def test_a_stream_ends_soon_after_its_token_was_revoked_or_got_less(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(events, "SURE_SECONDS", 0.1, raising=False)
    async with (
        api_lab(database, tmp_path) as api,
        api.client() as client,
        asyncio.timeout(20),
        client.stream("GET", "/events") as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines)
        await api.lab.run(change)
        assert [line async for line in lines][-1:] in ([], [""])


async def test_a_token_that_is_used_elsewhere_hears_on(
    database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "SURE_SECONDS", 0.0, raising=False)
    async with api_lab(database, tmp_path) as api, feeding(api) as feeder, api.client() as client:
        hearing = asyncio.create_task(heard(client, "0", 1))
        assert (await client.get("/tickets")).status_code == 200
        await api.lab.route(mail("a"))
        await publish(api)
        await fed(feeder, 1)
        assert len(await hearing) == 1


async def test_a_reader_is_not_told_numbers_of_tickets_that_it_may_not_see(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, feeding(api) as feeder, api.client() as client:
        await api.lab.route(mail("a"), mail("b", account="sales", subject="Bill"), mail("c", subject="Fax"))
        numbers = {row["subject"]: row["number"] for row in await api.lab.rows("select subject, number from tickets")}
        into_foreign = {"into": numbers["Bill"]}
        assert (await client.post(f"/tickets/{numbers['Printer']}/merge", json=into_foreign)).status_code == 200
        moved = (await api.lab.rows("select id from messages where subject = 'Bill'"))[0]["id"]
        to_own = {"to": numbers["Fax"]}
        assert (await client.post(f"/messages/{moved}/move", json=to_own)).status_code == 200
        await publish(api)
        count = (await api.lab.rows("select count(*) as n from outbox"))[0]["n"]
        await fed(feeder, count)
        everything = await heard(client, "0", count)
        async with api.client(accounts=["support"]) as restricted:
            seen = await heard(restricted, "0", 4)
    assert numbers["Bill"] in json.dumps(everything)
    assert numbers["Bill"] not in json.dumps(seen)
    by_position = dict(everything)
    assert [event["type"] for _, event in seen].count("ticket.merged") == 1
    assert all(without_others(by_position[position]) == event for position, event in seen)


def without_others(event: dict[str, Any]) -> dict[str, Any]:
    data = {name: value for name, value in event["data"].items() if name != "other"}
    ticket = {name: value for name, value in data["ticket"].items() if name != "merged_into"}
    return {**event, "data": {**data, "ticket": ticket}}
