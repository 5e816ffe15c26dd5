"""Serves the accounts of every channel but mail: the HTTP listener, the pollers, and what they need."""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from uuid import uuid4

import structlog

from connectors.base import Connector, Poll, Push, Registers, Routes
from connectors.intake import Intake
from daemon.account_intake import AccountIntake
from daemon.body_budget import FILES_EACH, FILES_TOGETHER, BodyBudget
from daemon.channel_states import ChannelStates
from daemon.clock import now
from daemon.dialogues import StoredDialogues
from daemon.file_door import LinkDoor
from daemon.intake_app import IntakeApp, PushDoor
from daemon.lookout import Lookout
from daemon.metrics import ChannelMetrics
from daemon.polling import Pollers
from daemon.process import Process
from daemon.registering import register_all
from daemon.wiring import database_url
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.cursors import Turns
from ticket_store.instance import read_or_create
from ticket_store.pool import Pool

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelParts:
    """What the accounts share."""

    connectors: Mapping[str, Connector]
    intake: Intake
    blobs: LocalBlobStore
    states: ChannelStates
    metrics: ChannelMetrics


async def serve_channels(
    process: Process, stack: AsyncExitStack, parts: ChannelParts, lookout: Lookout, pool: Pool
) -> None:
    """Begin to listen, poll and register; the stack ends all that."""
    intakes = {name: _intake(parts, connector, lookout) for name, connector in parts.connectors.items()}
    dialogues = StoredDialogues(pool=pool, conninfo=database_url(process.settings), blobs=parts.blobs, clock=now)
    dialogues.serve(parts.connectors)
    await _listen(process, stack, parts, intakes, pool)
    _begin(stack, dialogues.run(), "dialogues")
    polled = {name: found for name, found in parts.connectors.items() if isinstance(found, Poll)}
    if polled:
        turns = Turns(conninfo=database_url(process.settings), pool=pool, holder=uuid4())
        pollers = Pollers(connectors=polled, intakes=intakes, turns=turns, clock=now)
        _begin(stack, pollers.run(), "pollers")
    registered = {name: found for name, found in parts.connectors.items() if isinstance(found, Registers)}
    _begin(stack, register_all(registered, intakes, process.settings.intake.public_url), "registering")
    _begin(stack, parts.states.run(pool), "channel states")


def _intake(parts: ChannelParts, connector: Connector, lookout: Lookout) -> AccountIntake:
    return AccountIntake(
        account=connector.account,
        intake=parts.intake,
        blobs=parts.blobs,
        states=parts.states,
        metrics=parts.metrics,
        count=lookout.refused,
    )


async def _listen(
    process: Process,
    stack: AsyncExitStack,
    parts: ChannelParts,
    intakes: Mapping[str, AccountIntake],
    pool: Pool,
) -> None:
    """Open the HTTP listener where an account needs one."""
    pushed = {name: found for name, found in parts.connectors.items() if isinstance(found, Push)}
    routed = {name: found for name, found in parts.connectors.items() if isinstance(found, Routes)}
    if not pushed and not routed:
        return
    from daemon.routes_desk import AccountRoutesDesk, mounted  # noqa: PLC0415 - half a second, for those who need it
    from daemon.web import WebServer  # noqa: PLC0415 - the same

    settings = process.settings.intake
    public = settings.public_url or f"http://{settings.host}:{settings.port}"
    uploads = BodyBudget(together=FILES_TOGETHER, each=FILES_EACH)
    inner = mounted(
        routed,
        lambda name: AccountRoutesDesk(intake=intakes[name], public_url=public, clock=now, uploads=uploads),
    )
    doors = {
        (found.account.channel, name): PushDoor(connector=found, intake=intakes[name], clock=now)
        for name, found in pushed.items()
    }
    app = IntakeApp(doors=doors, inner=inner, out=_link_door(process, stack, pool))
    await stack.enter_async_context(
        WebServer(
            app=app,
            host=settings.host,
            port=settings.port,
            key="intake.port",
            backlog=1024,
            grace=2,
            connections=settings.connections,
        )
    )
    for found in (*pushed.values(), *routed.values()):
        parts.states.serve(found.account, "listening")
    _log.info("http listening", host=settings.host, port=settings.port)


def _link_door(process: Process, stack: AsyncExitStack, pool: Pool) -> LinkDoor:
    """Give what serves files that go out to platforms that fetch them."""
    blobs = LocalBlobStore(root=process.settings.blob_folder)
    stack.callback(blobs.close)

    async def secret() -> bytes:
        async with pool.connection(timeout=5) as connection:
            return (await read_or_create(connection)).ticket_number_key

    return LinkDoor(secret=secret, blobs=blobs, clock=now)


def _begin(stack: AsyncExitStack, work: Coroutine[object, object, None], name: str) -> None:
    task = asyncio.create_task(work, name=name)
    stack.push_async_callback(_end, task)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
