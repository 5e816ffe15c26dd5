"""The running daemon's store and bus, opened for one command by the same settings."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from bus.port import BusUnavailableError, Log
from connectors.mail.quotes import reply_text
from daemon import logs
from daemon.cli_options import loaded_settings
from daemon.clock import now
from daemon.errors import UserError
from daemon.settings import Settings
from daemon.wiring import components, database_url, desks, make_log, policies, postgres, status_move
from router.desk import Desk
from router.linking import Linking
from router.moving import Moving
from router.outbound import Outbound
from router.second_look import SecondLook
from router.tending import Tending
from router.turning import Turning
from ticket_store.embedded import EmbeddedPostgresError
from ticket_store.instance import Instance, read_or_create
from ticket_store.migrate import MigrationError, State, migrate, schema_state
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore
from ticket_store.pool import Pool, make_pool
from ticket_store.routing import RoutingStore

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a command works with."""

    settings: Settings
    url: str
    pool: Pool
    log: Log
    instance: Instance


def with_store(work: Callable[[Opened], Awaitable[_T]], *, may_be_new: bool = False) -> _T:
    """Run a command's work on the store of the settings; what cannot be reached is a `UserError`.

    Only a command that brings something (`may_be_new`) may make an embedded store that is not there yet.
    """
    settings = loaded_settings().settings
    if not may_be_new:
        _check_there(settings)
    logs.configure(level="warning", format_="auto", process="cli")

    async def body() -> _T:
        async with opened(settings) as found:
            return await work(found)

    try:
        return asyncio.run(body())
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise UserError(f"the store does not answer ({type(error).__name__}): is PostgreSQL running?") from error
    except BusUnavailableError as error:
        raise UserError(f"the bus does not answer: {error}") from error


def _check_there(settings: Settings) -> None:
    """Refuse to look into an embedded store that was never made: a typo in `data_dir` must not start a new one."""
    if not settings.store.embedded:
        return
    try:
        there = settings.postgres_folder.is_dir()
    except OSError as error:
        raise UserError(f"{settings.data_dir}: {error.strerror}: run this as the daemon's user") from error
    if not there:
        raise UserError(
            f"there is no data in {settings.data_dir}: start the daemon (switchboard run) or check data_dir"
        )


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """Open store and bus. An embedded PostgreSQL that does not run is started, and stopped again at the end."""
    async with AsyncExitStack() as stack:
        if settings.store.embedded:
            await start_postgres(settings, stack)
        url = database_url(settings)
        await asyncio.to_thread(fit_schema, settings, url)
        pool = make_pool(url, name="cli", max_size=settings.store.connections)
        await stack.enter_async_context(pool)
        log = make_log(settings, url)
        stack.push_async_callback(log.close)
        async with pool.connection() as connection:
            instance = await read_or_create(connection)
        yield Opened(settings=settings, url=url, pool=pool, log=log, instance=instance)


def desk(store: Opened) -> Desk:
    """Give the operators' desk."""
    numbers = TicketNumbers(key=store.instance.ticket_number_key)
    routing = RoutingStore(pool=store.pool, numbers=numbers)
    chosen, source = policies(store.settings), store.instance.source
    return Desk(store=routing, policies=chosen, source=source, clock=now, own_text=reply_text)


def second_look(store: Opened) -> SecondLook:
    """Give what decides anew about held messages."""
    routing = RoutingStore(pool=store.pool, numbers=TicketNumbers(key=store.instance.ticket_number_key))
    chosen, source = policies(store.settings), store.instance.source
    return SecondLook(store=routing, policies=chosen, source=source, clock=now, own_text=reply_text)


def outbound(store: Opened) -> Outbound:
    """Give what people say on tickets."""
    numbers = TicketNumbers(key=store.instance.ticket_number_key)
    return Outbound(
        store=OutboundStore(pool=store.pool, numbers=numbers),
        policies=policies(store.settings),
        desks=desks(store.settings),
        source=store.instance.source,
        clock=now,
    )


def tending(store: Opened) -> Tending:
    """Give what people do with whole tickets."""
    numbers = TicketNumbers(key=store.instance.ticket_number_key)
    return Tending(
        store=OutboundStore(pool=store.pool, numbers=numbers),
        policies=policies(store.settings),
        lifecycle=status_move,
        source=store.instance.source,
        clock=now,
    )


def moving(store: Opened) -> Moving:
    """Give what moves messages."""
    numbers = TicketNumbers(key=store.instance.ticket_number_key)
    return Moving(
        store=OutboundStore(pool=store.pool, numbers=numbers),
        policies=policies(store.settings),
        source=store.instance.source,
        clock=now,
    )


def linking(store: Opened) -> Linking:
    """Give what invites requesters to other channels."""
    numbers = TicketNumbers(key=store.instance.ticket_number_key)
    return Linking(store=OutboundStore(pool=store.pool, numbers=numbers), clock=now)


def turning(store: Opened) -> Turning:
    """Give what turns live chats."""
    numbers = TicketNumbers(key=store.instance.ticket_number_key)
    return Turning(
        store=OutboundStore(pool=store.pool, numbers=numbers),
        policies=policies(store.settings),
        source=store.instance.source,
        clock=now,
    )


async def start_postgres(settings: Settings, stack: AsyncExitStack) -> None:
    """Adopt or start the embedded server; the stack lets go of it."""
    server = postgres(settings)
    try:
        await asyncio.to_thread(server.start)
    except EmbeddedPostgresError as error:
        raise UserError(f"the embedded PostgreSQL: {error}") from error
    stack.push_async_callback(asyncio.to_thread, server.stop)


def fit_schema(settings: Settings, url: str) -> None:
    """Migrate the embedded store; refuse one by URL whose schema is not this version's. Raises `UserError`."""
    try:
        if settings.store.embedded:
            migrate(url, components())
            return
        found = schema_state(url, components())
    except MigrationError as error:
        raise UserError(str(error)) from error
    except psycopg.OperationalError as error:
        raise UserError("store.url: PostgreSQL does not answer there") from error
    if found.state is State.OLDER:
        raise UserError("the store's schema is older than this version: run `switchboard migrate`")
    if found.state is State.NEWER:
        raise UserError("the store's schema is newer than this version: install the newer Switchboard")
