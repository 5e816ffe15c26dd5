"""What was seen of a ticket, and whose it is, is looked at under the ticket's lock: nobody slips in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_feed import blocked
from api_lab import ApiLab, api_lab
from routing_lab import mail

ACTIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "reply": ("/tickets/{number}/reply", {"text": "x"}),
    "note": ("/tickets/{number}/note", {"text": "x"}),
    "close": ("/tickets/{number}/close", {}),
    "spam": ("/tickets/{number}/spam", {}),
    "merge": ("/tickets/{number}/merge", {"into": "{other}"}),
    "requester": ("/tickets/{number}/requester", {"address": "eve@e.example"}),
    "move": ("/messages/{message}/move", {"to": "{other}"}),
}


async def ask(client: httpx.AsyncClient, action: str, names: dict[str, str], **headers: str) -> httpx.Response:
    path, body = ACTIONS[action]
    sent = {key: value.format(**names) for key, value in body.items()}
    return await client.post(path.format(**names), json=sent or None, headers=headers)


@asynccontextmanager
async def locked(api: ApiLab, number: str, change: str) -> AsyncIterator[None]:
    """Hold the ticket's lock; when it is let go, the ticket has changed."""
    async with api.store.pool.connection() as holder, holder.transaction():
        await holder.execute("select 1 from tickets where number = %s for update", [number])
        yield
        await holder.execute(change.encode(), [number])


async def names_of(api: ApiLab) -> dict[str, str]:
    """Route two tickets of `support` and one of `sales` that share a scope; give the names of the first and second."""
    await api.lab.route(mail("a", subject="One"), mail("b", subject="Two"), mail("c", subject="Three", account="sales"))
    rows = await api.lab.rows(
        "select t.number, m.id from tickets t join messages m on m.ticket_id = t.id order by t.id"
    )
    return {"number": rows[0]["number"], "other": rows[1]["number"], "message": rows[0]["id"]}


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_version_that_changes_while_the_action_waits_is_seen(
    database: str, tmp_path: Path, action: str
) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        names = await names_of(api)
        seen = (await client.get(f"/tickets/{names['number']}")).headers["etag"]
        async with locked(api, names["number"], "update tickets set version = version + 1 where number = %s"):
            asking = asyncio.create_task(ask(client, action, names, **{"If-Match": seen}))
            await blocked(api)
        answer = await asking
        assert (answer.status_code, answer.json()["type"]) == (412, "urn:switchboard:problem:changed")
        assert await api.lab.rows("select 1 from tickets where status <> 'open' or merged_into_id is not null") == []
        assert await api.lab.rows("select 1 from messages where direction = 'out'") == []


@pytest.mark.parametrize("action", ["reply", "close", "move"])
async def test_a_ticket_that_goes_on_elsewhere_while_the_action_waits_is_left_alone(
    database: str, tmp_path: Path, action: str
) -> None:
    async with api_lab(database, tmp_path) as api, api.client(accounts=["support"]) as client:
        names = await names_of(api)
        foreign = """update tickets set merged_into_id = (select id from tickets where account = 'sales')
                     where number = %s"""
        async with locked(api, names["number"], foreign):
            asking = asyncio.create_task(ask(client, action, names))
            await blocked(api)
        answer = await asking
        assert answer.status_code == 409
        assert "may not" in answer.json()["detail"]
        assert await api.lab.rows("select 1 from messages where direction = 'out'") == []
        assert len(await api.lab.rows("select distinct ticket_id from messages")) == 3


async def test_a_message_does_not_leave_for_an_account_that_may_not_be_seen(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        await api.lab.route(mail("a"), mail("b", answers="a", account="sales", minutes=1))
        message = (await api.lab.rows("select id from messages where account = 'sales'"))[0]["id"]
        async with api.client(accounts=["support"]) as client:
            for where in ("new", "hold"):
                answer = await client.post(f"/messages/{message}/move", json={"to": where})
                assert answer.status_code == 409
        async with api.client() as client:
            assert (await client.post(f"/messages/{message}/move", json={"to": "new"})).status_code == 200
