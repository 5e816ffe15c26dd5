"""The HTTP API in a thread of its own, with tickets of two accounts, for many small tests that take turns."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import httpx
from api_feed import fed, feeding, publish
from api_lab import ApiLab, api_lab
from routing_lab import mail

from schemas.numbers import shown

_T = TypeVar("_T")
NUMBERS = "select number from tickets where account = %s order by id"
MESSAGES = "select id, ticket_id, direction from messages where account = %s order by id"


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """What one account has. `marks` stand in everything that is shown of it, and nowhere else."""

    account: str
    numbers: tuple[str, ...]
    messages: tuple[int, ...]
    held: tuple[int, ...]
    filed: int
    upload: int
    endpoint: int
    dispatch: int
    marks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class StandingApi:
    """The API, and what stands in its store."""

    api: ApiLab
    loop: asyncio.AbstractEventLoop
    support: Seeds
    sales: Seeds

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Do something in the API's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    @contextmanager
    def client(self, *scopes: str, accounts: list[str] | None = None) -> Iterator[httpx.Client]:
        """Give a client with a token of its own; without scopes it has all of them."""
        token = self.run(self.api.token(scopes, accounts=accounts) if scopes else self.api.token(accounts=accounts))
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=self.api.base, headers=headers, timeout=30) as client:
            yield client


@contextmanager
def standing_api(database: str, folder: Path) -> Iterator[StandingApi]:
    """Serve until the block ends."""
    ready: Future[StandingApi] = Future()
    stop = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(database, folder, ready, stop)), name="api")
    thread.start()
    try:
        yield ready.result(timeout=120)
    finally:
        stop.set()
        thread.join(timeout=60)


async def _serve(database: str, folder: Path, ready: Future[StandingApi], stop: threading.Event) -> None:
    try:
        async with api_lab(database, folder, timer=partial(next, count(step=60))) as api:  # nobody is too fast
            support, sales = await _seed(api, "support"), await _seed(api, "sales")
            sales = await _join(api, support, sales)
            async with feeding(api) as feeder:
                await publish(api)
                await fed(feeder, (await api.lab.rows("select count(*) as n from outbox"))[0]["n"])
            ready.set_result(StandingApi(api=api, loop=asyncio.get_running_loop(), support=support, sales=sales))
            await asyncio.to_thread(stop.wait)
    except BaseException as error:
        if ready.done():
            raise
        ready.set_exception(error)


async def _seed(api: ApiLab, account: str) -> Seeds:
    """Give an account two tickets in the other's scope, a message with a file, two held ones, and an upload."""
    mark = f"of-{account}"
    sender = f"ana@{mark}.example"
    await api.lab.route(
        mail(f"{mark} one", sender, subject=f"One {mark}", account=account),
        mail(f"{mark} two", sender, subject=f"Two {mark}", account=account, minutes=1),
        mail(f"{mark} lost", sender, subject=f"Re: {mark}", answers="nobody", account=account, minutes=2),
        mail(f"{mark} gone", sender, subject=f"Re: {mark}", answers="none", account=account, minutes=3),
    )
    numbers = [row["number"] for row in await api.lab.rows(NUMBERS, [account])]
    async with api.client() as client:
        first = (await client.post("/uploads", params={"name": f"{mark}.txt"}, content=mark.encode())).json()["id"]
        said = {"text": f"see {mark}", "files": [first]}
        filed = (await client.post(f"/tickets/{numbers[0]}/note", json=said)).json()["message_id"]
    async with api.client(accounts=[account]) as client:
        upload = (await client.post("/uploads", params={"name": f"{mark}.txt"}, content=mark.encode())).json()["id"]
        hook = {"url": f"https://{mark}.example/in"}
        endpoint = (await client.post("/webhooks", json=hook)).json()["id"]
        dispatch = (await client.post(f"/webhooks/{endpoint}/test")).json()["id"]
    rows = await api.lab.rows(MESSAGES, [account])
    return Seeds(
        account=account,
        numbers=tuple(numbers),
        messages=tuple(row["id"] for row in rows if row["ticket_id"] and row["direction"] == "in"),
        held=tuple(row["id"] for row in rows if not row["ticket_id"]),
        filed=filed,
        upload=upload,
        endpoint=endpoint,
        dispatch=dispatch,
        marks=(mark, *numbers, *map(shown, numbers)),
    )


async def _join(api: ApiLab, support: Seeds, sales: Seeds) -> Seeds:
    """Let tickets of the two name each other: one goes on as the other's, one got a message from the other's.

    Gives the seeds of `sales` with the number from which the message came.
    """
    await api.lab.route(mail("stray", "bob@b.example", subject="Stray", account="sales", minutes=4))
    where = "select m.id, t.number from messages m join tickets t on t.id = m.ticket_id where m.subject = 'Stray'"
    (stray,) = await api.lab.rows(where)
    async with api.client() as client:
        onto = {"into": sales.numbers[1], "different_requesters": True}
        assert (await client.post(f"/tickets/{support.numbers[1]}/merge", json=onto)).status_code == 200
        there = {"to": support.numbers[0]}
        assert (await client.post(f"/messages/{stray['id']}/move", json=there)).status_code == 200
    return replace(sales, marks=(*sales.marks, stray["number"], shown(stray["number"])))
