"""`run ingest`: takes in what comes on every channel and puts it on the inbound topic."""

import asyncio
import math
import sys
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from typing import Final

import structlog

from bus.port import BusError, Log
from connectors.intake import Intake
from connectors.mail.assess import MailAssess
from connectors.mail.normalize import undecodable
from connectors.mail.normalizer import MailNormalizer
from connectors.mail.settings import SmtpSettings
from connectors.mail.smtp import SmtpIntake
from connectors.mail.smtp_address import AccountDirectory
from connectors.mail.smtp_tls import tls_context
from daemon.channel_states import ChannelStates
from daemon.clock import now
from daemon.collector import quiet_collector
from daemon.connecting import Readers, asks_about, close_all, connect_accounts
from daemon.door import Gate
from daemon.errors import UserError
from daemon.health import BUS
from daemon.ingest_channels import ChannelParts, serve_channels
from daemon.lookout import Lookout
from daemon.metrics import ChannelMetrics, IntakeMetrics, SmtpMetrics
from daemon.ports import SMTP, Port
from daemon.process import Process
from daemon.settings import Settings
from daemon.sink import BusSink
from daemon.wiring import LatePublisher, database_url, ensure_topics, make_log
from ticket_store.blobs_journal import can_sync_file_systems
from ticket_store.blobs_journaled import JournaledBlobStore
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.pool import Pool, make_pool

LOOK_EVERY: Final = 1.0
"""Seconds between two looks at bus and disk."""
FORGIVE_AFTER: Final = 10.0
"""Seconds after the last failed publish; when the bus answers by then, it counts as well again."""
TURN_SECONDS: Final = 0.0005
STOP_GRACE: Final = 7.0
"""Seconds for sessions in flight after the first signal."""

_log = structlog.get_logger(__name__)


async def ingest(process: Process) -> None:
    """Serve until the process is told to stop."""
    async with AsyncExitStack() as stack:
        metrics = IntakeMetrics(registry=process.registry)
        patience = process.settings.shortest_patience
        metrics.patience.set(patience.total_seconds() if patience else math.inf)
        gate = Gate(board=process.board, counted=lambda reason: metrics.door_closed.labels(reason=reason).inc())
        log = make_log(process.settings, database_url(process.settings))
        stack.push_async_callback(log.close)
        publisher = LatePublisher(open_=log.publisher)
        parts = await make_parts(process, stack, gate, publisher, metrics)
        process.board.set(BUS, "not reached yet", name="ping")
        watch = asyncio.create_task(_watch(process, log, publisher, gate, metrics), name="watch")
        stack.push_async_callback(_end, watch)
        pool = make_pool(database_url(process.settings), name=process.name, max_size=4)
        stack.push_async_callback(pool.close)
        await pool.open()
        lookout = _lookout(process, stack, pool=pool, log=log, gate=gate, metrics=metrics)
        channels = await stack.enter_async_context(AsyncExitStack())
        await serve_channels(process, channels, parts, lookout, pool)
        smtp = await _listen(process, parts, lookout)
        process.ready()
        short_turns()
        quiet_collector()
        await _first(process.stop.wait(), watch)
        gate.stop()
        await asyncio.gather(channels.aclose(), *([smtp.stop(STOP_GRACE)] if smtp is not None else ()))
        await parts.intake.drain(1.0)
        await lookout.write_refusals()
        await parts.states.write(pool)


def short_turns() -> None:
    """Let threads wait for the interpreter's lock a tenth as long as usual.

    The blob store's threads make short system calls and need the lock between them, which the loop seldom gives up.
    """
    sys.setswitchinterval(TURN_SECONDS)


async def make_parts(
    process: Process, stack: AsyncExitStack, gate: Gate, publisher: LatePublisher, metrics: IntakeMetrics
) -> ChannelParts:
    """Put the pipeline together: connectors, parsers, blob store, bus; the stack closes them."""
    settings = process.settings
    blobs = (JournaledBlobStore if can_sync_file_systems() else LocalBlobStore)(root=settings.blob_folder)
    stack.callback(blobs.close)
    try:
        await blobs.prepare(now=now())
    except OSError as error:
        raise UserError(f"blobs.path: {error.strerror or error}") from error
    mail = MailNormalizer()
    stack.push_async_callback(mail.close)
    sink = BusSink(
        publisher=publisher,
        topic=settings.bus.inbound_topic,
        blobs=blobs,
        board=process.board,
        shrunk=metrics.shrunk.inc,
    )
    assess = MailAssess(settings=settings.smtp.assess, clock=time.monotonic, meter=metrics)
    stack.callback(assess.close)
    connectors = connect_accounts(settings)
    stack.push_async_callback(close_all, connectors)
    readers = Readers(connectors=connectors, mail=mail, mail_undecodable=undecodable)
    channel_metrics = ChannelMetrics(registry=process.registry)
    states = ChannelStates(meter=metrics, board=process.board, metrics=channel_metrics, clock=now)
    intake = Intake(
        normalize=readers.normalize,
        undecodable=readers.undecodable,
        blobs=blobs,
        sink=sink,
        door=gate,
        assess=assess,
        asks=asks_about,
        assess_seconds=settings.smtp.assess.timeout_seconds,
        meter=states,
    )
    return ChannelParts(connectors=connectors, intake=intake, blobs=blobs, states=states, metrics=channel_metrics)


def _lookout(
    process: Process, stack: AsyncExitStack, *, pool: Pool, log: Log, gate: Gate, metrics: IntakeMetrics
) -> Lookout:
    """Begin to write what was refused, and to look how far routing lags; both need the store, intake does not."""
    lookout = Lookout(settings=process.settings, pool=pool, log=log, gate=gate, metrics=metrics)
    stack.push_async_callback(_end, asyncio.create_task(lookout.run(), name="lookout"))
    return lookout


async def _listen(process: Process, parts: ChannelParts, lookout: Lookout) -> SmtpIntake | None:
    """Open the SMTP listener; not where no account is of mail."""
    settings = process.settings
    if not settings.mail_accounts():
        return None
    try:
        smtp = SmtpIntake(
            settings=_with_spill_folder(settings),
            directory=AccountDirectory(accounts=settings.mail_accounts()),
            intake=parts.intake,
            clock=now,
            tls=tls_context(settings.smtp),
            meter=SmtpMetrics(registry=process.registry, heard=lookout.heard),
        )
        await smtp.start()
    except ValueError as error:
        raise UserError(str(error)) from error
    except OSError as error:
        raise UserError(Port(SMTP, settings.smtp.host, settings.smtp.port).refusal(error)) from error
    for name in settings.mail_accounts():
        parts.states.serve(settings.account(name), "listening")
    _log.info("smtp listening", host=smtp.address[0], port=smtp.address[1])
    return smtp


def _with_spill_folder(settings: Settings) -> SmtpSettings:
    return settings.smtp.model_copy(update={"spill_folder": settings.smtp.spill_folder or settings.data_dir / "spill"})


async def _watch(process: Process, log: Log, publisher: LatePublisher, gate: Gate, metrics: IntakeMetrics) -> None:
    """Look at bus and disk again and again; open the publisher when the bus comes up."""
    while True:
        metrics.free_disk.set(gate.look_at_disk(*process.settings.written_folders))
        await _look_at_bus(process, log, publisher)
        await asyncio.sleep(LOOK_EVERY)


async def _look_at_bus(process: Process, log: Log, publisher: LatePublisher) -> None:
    try:
        if not publisher.is_open:
            await ensure_topics(log, process.settings)
            await publisher.open()
        await log.ping()
    except BusError as error:
        process.board.set(BUS, f"the bus does not answer: {type(error).__name__}", name="ping")
        return
    process.board.clear(BUS, name="ping")
    if process.board.age(BUS) > FORGIVE_AFTER:
        process.board.clear(BUS)


async def _first(stop: Coroutine[object, object, object], watch: asyncio.Task[None]) -> None:
    """Wait for the stop; a watch that fails is a bug, and ends the process so that it is started again."""
    stopping = asyncio.create_task(stop)
    await asyncio.wait([stopping, watch], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if watch.done():
        watch.result()


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
