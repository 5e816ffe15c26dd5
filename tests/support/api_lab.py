"""The HTTP API on a real server, over a store that a routing lab fills."""

import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any

import httpx
from prometheus_client import CollectorRegistry
from routing_lab import Lab

from connectors.mail.settings import MailAccountSettings
from console.api.app import make_api
from console.api.gate import Limits
from console.api.tokens import Scope, new_token
from daemon.api_rooms import rooms
from daemon.clock import now
from daemon.health import Board
from daemon.metrics import FeedMetrics
from daemon.opened import Opened
from daemon.settings import Settings
from daemon.web import WebServer
from daemon.wiring import make_log
from doubles.ports import free_port
from ticket_store.api_tokens import ApiTokens
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.instance import read_or_create
from ticket_store.pool import make_pool

MAIL = {
    "channel": "mail",
    "addresses": ["support@desk.example"],
    "reply_address": "support@desk.example",
}
ALL = frozenset(Scope)


class ApiLab:
    """A store, a routing lab on it, and the API before it."""

    def __init__(self, *, store: Opened, base: str) -> None:
        self.store = store
        self.base = base
        self.lab = Lab(store.pool)
        self.board = Board(clock=now)
        self.registry = CollectorRegistry()
        self.metrics = FeedMetrics(registry=self.registry)

    async def token(
        self,
        scopes: Collection[str] = ALL,
        *,
        accounts: Collection[str] | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        made = new_token(token_bytes)
        await ApiTokens(pool=self.store.pool).add(
            prefix=made.prefix,
            digest=made.digest,
            name="test",
            scopes=scopes,
            accounts=accounts,
            now=now(),
            expires_at=expires_at,
        )
        return made.text

    @asynccontextmanager
    async def client(
        self, scopes: Collection[str] = ALL, *, accounts: Collection[str] | None = None
    ) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {await self.token(scopes, accounts=accounts)}"}
        async with httpx.AsyncClient(base_url=self.base, headers=headers, timeout=30) as client:
            yield client


def settings_of(database: str, folder: Path, **api: Any) -> Settings:
    """Settings of a desk with two mail accounts."""
    other = {**MAIL, "addresses": ["sales@desk.example"], "reply_address": "sales@desk.example"}
    return Settings.model_validate(
        {
            "data_dir": folder,
            "store": {"url": database},
            "api": api,
            "accounts": {
                "support": MailAccountSettings.model_validate(MAIL),
                "sales": MailAccountSettings.model_validate(other),
            },
        }
    )


@asynccontextmanager
async def api_lab(
    database: str,
    folder: Path,
    *,
    per_minute: int = 100_000,
    timer: Callable[[], float] = time.monotonic,
    **api: Any,
) -> AsyncIterator[ApiLab]:
    settings = settings_of(database, folder, **api)
    async with make_pool(database, name="api", max_size=8) as pool:
        async with pool.connection() as connection:
            instance = await read_or_create(connection)
        log = make_log(settings, database)
        store = Opened(settings=settings, url=database, pool=pool, log=log, instance=instance)
        port = free_port()
        blobs = LocalBlobStore(root=settings.blob_folder)
        await blobs.prepare(now=now())
        app = make_api(rooms(store, blobs), limits=Limits(requests_per_minute=per_minute), clock=now, timer=timer)
        async with WebServer(app=app, host="127.0.0.1", port=port, key="api.port"):
            yield ApiLab(store=store, base=f"http://127.0.0.1:{port}/api/v1")
        blobs.close()
        await log.close()
