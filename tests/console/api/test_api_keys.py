"""The same request twice: keys, their leases, and what they stand for."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

from api_lab import ApiLab, api_lab
from routing_lab import mail
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from console.api.idempotency import once
from console.api.tokens import StoredToken
from daemon.api_files import GateRequests
from daemon.clock import now
from ticket_store.api_requests import LEASE, ApiRequests


class Desk:
    """Requests with one key, each by its own worker at its own time."""

    def __init__(self, api: ApiLab, token_id: int) -> None:
        self._requests = ApiRequests(pool=api.store.pool)
        self._token = StoredToken(id=token_id, prefix="p", digest=b"", name="t", scopes=frozenset(), accounts=None)

    async def ask(self, said: str, *, later: timedelta, until: asyncio.Event | None = None) -> tuple[int, bytes]:
        """Ask for work that says something once `until` is set; give status and body of what comes."""
        answers: list[Message] = []

        async def work(scope: Scope, receive: Receive, send: Send) -> None:
            if until is not None:
                await until.wait()
            await PlainTextResponse(said, status_code=201)(scope, receive, send)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            answers.append(message)

        scope: dict[str, Any] = {
            "type": "http", "method": "POST", "path": "/x", "query_string": b"",
            "headers": [(b"idempotency-key", b"k")], "state": {"token": self._token, "body": b"{}"},
        }  # fmt: skip
        requests = GateRequests(requests=self._requests, clock=lambda: now() + later)
        await once(requests, work, scope, receive, send)
        return answers[0]["status"], answers[1]["body"]


async def desk_of(api: ApiLab) -> Desk:
    await api.token()
    return Desk(api, (await api.lab.rows("select id from api_tokens"))[0]["id"])


async def claimed(api: ApiLab) -> None:
    async with asyncio.timeout(20):
        while not await api.lab.rows("select 1 from api_requests"):  # noqa: ASYNC110 - only the store knows
            await asyncio.sleep(0.01)


async def test_a_slow_worker_whose_lease_ran_out_gives_the_answer_of_the_one_that_took_over(
    database: str, tmp_path: Path
) -> None:
    async with api_lab(database, tmp_path) as api:
        desk, gate = await desk_of(api), asyncio.Event()
        slow = asyncio.create_task(desk.ask("slow", later=timedelta(), until=gate))
        await claimed(api)
        second = await desk.ask("second", later=LEASE + timedelta(seconds=1))
        gate.set()
        assert await slow == second == (201, b"second")
        assert await desk.ask("third", later=timedelta()) == second


async def test_a_slow_worker_does_not_answer_while_another_is_at_work(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api:
        desk, first_gate, second_gate = await desk_of(api), asyncio.Event(), asyncio.Event()
        later = LEASE + timedelta(seconds=1)
        slow = asyncio.create_task(desk.ask("slow", later=timedelta(), until=first_gate))
        await claimed(api)
        second = asyncio.create_task(desk.ask("second", later=later, until=second_gate))
        async with asyncio.timeout(20):
            while not await api.lab.rows(  # noqa: ASYNC110 - only the store knows
                "select 1 from api_requests where lease_until > now() + %s + interval '30 s'", [LEASE]
            ):
                await asyncio.sleep(0.01)
        first_gate.set()
        refused = (await asyncio.gather(slow, return_exceptions=True))[0]
        second_gate.set()
        assert getattr(refused, "status", None) == 409
        assert await second == (201, b"second")


async def test_a_key_is_known_with_its_text_also_when_its_answer_was_not_kept(database: str, tmp_path: Path) -> None:
    async with api_lab(database, tmp_path) as api, api.client() as client:
        await api.lab.route(mail("a"))
        number = (await api.lab.rows("select number from tickets"))[0]["number"]
        key = {"Idempotency-Key": "k1"}
        for what in ("reply", "note"):
            path = f"/tickets/{number}/{what}"
            assert (await client.post(path, json={"text": "Hello"}, headers=key)).status_code == 201
            await api.lab.run("delete from api_requests")
            other = await client.post(path, json={"text": "Something else"}, headers=key)
            assert other.status_code == 422
            assert other.headers["content-type"] == "application/problem+json"
            assert other.json()["type"] == "urn:switchboard:problem:idempotency-key-reused"
            await api.lab.run("delete from api_requests")
            again = await client.post(path, json={"text": "Hello"}, headers=key)
            assert (again.status_code, again.json()["repeated"]) == (201, True)
            await api.lab.run("delete from api_requests")
        assert len(await api.lab.rows("select 1 from messages where direction = 'out'")) == 2
