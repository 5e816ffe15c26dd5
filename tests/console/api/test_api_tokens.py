"""What the gate of the API lets through, tried over a real server."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_lab import api_lab
from routing_lab import mail

from console.api.gate import Gate, Limits
from console.api.tokens import Scope
from daemon.clock import now
from ticket_store.api_tokens import ApiTokens


async def status_with(base: str, *headers: tuple[str, str], path: str = "/tickets") -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(base + path, headers=list(headers))).status_code


def bearer(token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {token}")


async def test_only_a_right_token_that_has_not_ended_is_let_in(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        right = await api.token()
        forged = right[:-1] + ("a" if right[-1] != "a" else "b")
        expired = await api.token(expires_at=now() - timedelta(seconds=1))
        revoked = await api.token()
        await ApiTokens(pool=api.store.pool).revoke(revoked.split("_")[1], now=now())
        unknown = "sbt_aaaaaaaa_" + right.split("_")[2]
        assert await status_with(api.base, bearer(right)) == 200
        for wrong in (forged, expired, revoked, unknown, right.upper(), right + "a"):
            assert await status_with(api.base, bearer(wrong)) == 401, wrong[:12]
        assert await status_with(api.base) == 401
        assert await status_with(api.base, bearer(right), bearer(right)) == 401
        assert await status_with(api.base, ("Authorization", f"Basic {right}")) == 401


async def test_a_token_without_the_scope_is_refused_and_told_which(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client([Scope.SPOOL_READ]) as client:
        answer = await client.get("/tickets")
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:switchboard:problem:scope-missing"
        assert "tickets:read" in answer.json()["detail"]


async def test_tickets_of_other_accounts_are_as_if_they_were_not_there(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        await api.lab.route(mail("a"), mail("b", sender="bob@b.example", account="sales", scope="sales"))
        numbers = {row["account"]: row["number"] for row in await api.lab.rows("select account, number from tickets")}
        message = (await api.lab.rows("select id from messages where account = 'sales'"))[0]["id"]
        async with api.client(accounts=["support"]) as client:
            listed = (await client.get("/tickets")).json()["items"]
            assert [one["account"] for one in listed] == ["support"]
            for path in (f"/tickets/{numbers['sales']}", f"/tickets/{numbers['sales']}/messages"):
                assert (await client.get(path)).status_code == 404
            assert (await client.get(f"/messages/{message}")).status_code == 404
            assert (await client.get("/tickets", params={"account": "sales"})).json()["items"] == []
            nobody = await client.get("/tickets/0000000000")
            foreign = await client.get(f"/tickets/{numbers['sales']}")
            assert nobody.json() == foreign.json()


async def test_too_many_requests_are_told_when_to_come_again(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path, per_minute=30) as api, api.client() as client:
        answers = [await client.get("/tickets") for _ in range(12)]
        assert answers[0].status_code == 200
        assert answers[-1].status_code == 429
        assert int(answers[-1].headers["retry-after"]) >= 1


@pytest.mark.parametrize("path", ["/tickets/../../etc/passwd", "/tickets/%2e%2e%2f", "/nothing", "/tickets/12"])
async def test_a_path_that_is_none_gives_a_problem(database: str, tmp_path: Path, path: str) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        answer = await client.get(path)
        assert answer.status_code in (401, 404, 422)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_right_token_is_let_in_whatever_its_proxy_let_through_before(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path, timer=lambda: 0.0) as api:
        right = await api.token()
        wrong = "sbt_aaaaaaaa_" + right.split("_")[2]
        answers = [await status_with(api.base, bearer(wrong)) for _ in range(12)]
        assert answers == [401] * 10 + [429] * 2
        assert await status_with(api.base, bearer(right)) == 200
        assert await status_with(api.base, bearer(wrong)) == 429


async def test_callers_without_a_token_are_counted_by_network() -> None:
    nobody: Any = None  # without a token nothing behind the gate is asked
    limits = Limits(requests_per_minute=60)
    gate = Gate(
        app=nobody, scope_of=nobody, tokens=nobody, requests=nobody, limits=limits, clock=now, timer=lambda: 0.0
    )

    async def status_from(address: str) -> int:
        transport = httpx.ASGITransport(app=gate, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://desk.example") as client:
            return (await client.get("/api/v1/tickets")).status_code

    assert [await status_from(f"2001:db8:1:2::{number:x}") for number in range(12)] == [401] * 10 + [429] * 2
    assert await status_from("2001:db8:1:3::1") == 401
