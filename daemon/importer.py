"""`import`: mail from files, as if it had just arrived.

The same intake as every channel: parsed, kept, published, and only then counted as done. Delivery keys make it
idempotent, so an interrupted import is resumed by running it again.
"""

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Final, NamedTuple

from prometheus_client import CollectorRegistry
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bus.port import BusError
from connectors.base import Account, Delivery, LaterError
from connectors.intake import Intake
from connectors.mail.assess import MailAssess
from connectors.mail.normalize import undecodable
from connectors.mail.normalizer import MailNormalizer
from connectors.mail.recipients import recipients_in
from connectors.mail.settings import MailAccountSettings
from connectors.mail.smtp_address import AccountDirectory
from console import tables
from daemon.cli_options import loaded_settings, print_json, print_line, print_table
from daemon.clock import now
from daemon.door import Gate
from daemon.errors import INTERRUPTED, NO, NOT_FOUND, USAGE, UserError
from daemon.health import Board
from daemon.import_files import Tally, find, mails
from daemon.lookout import Lookout
from daemon.metrics import IntakeMetrics
from daemon.opened import Opened, with_store
from daemon.sink import BusSink
from daemon.wiring import ensure_topics
from ticket_store.blobs_local import LocalBlobStore

AT_ONCE: Final = 64
"""Mails in flight; they share syncs and transactions."""
BYTES_AT_ONCE: Final = 256 * 1024 * 1024
"""Bytes of mails in flight; beside them one more waits for room."""
TRIES: Final = 20
PAUSE: Final = 3.0
"""Seconds between two tries while bus or store do not answer: a minute in all."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the disks."""
LAG_EVERY: Final = 30.0
"""Seconds between two looks at how far routing lags."""
OUTCOMES: Final = ("accepted", "skipped", "no_mail", "too_large", "unreadable", "failed")
WRONG: Final = ("too_large", "unreadable", "failed")


class Origin(NamedTuple):
    """Where a mail comes from, and who knows whose an address is."""

    account: Account
    path: Path
    directory: AccountDirectory


def run_import(paths: Sequence[Path], *, account: str | None, as_json: bool) -> int:
    """Import everything; 1 when something could not be read or stored, 4 when there is nothing to import."""
    chosen = choose(loaded_settings().settings.mail_accounts(), account)
    tally = Tally()
    files = find(paths, tally)

    async def work(store: Opened) -> None:
        await _import(store, chosen, files, tally)

    if files:
        with_store(work, may_be_new=True)
    _print_summary({name: tally.counts[name] for name in OUTCOMES}, as_json=as_json)
    return _code(tally.counts)


def _print_summary(summary: Mapping[str, int], *, as_json: bool) -> None:
    if as_json:
        print_json(summary)
        return
    print_table(tables.facts(summary, title="Imported"))
    if summary["accepted"]:
        print_line("What was there already becomes a duplicate: see `switchboard ledger`.")


def _code(counts: Mapping[str, int]) -> int:
    if counts["stopped"]:
        sys.stderr.write("switchboard: stopped; run the same command again for the rest, nothing will be there twice\n")
        return INTERRUPTED
    if any(counts[name] for name in WRONG):
        return NO
    if not counts["accepted"]:
        sys.stderr.write(
            "switchboard: there is nothing to import: no .eml, .mbox or file without a suffix with mail in it\n"
        )
        return NOT_FOUND
    return 0


def choose(accounts: dict[str, MailAccountSettings], name: str | None) -> Account:
    """Give the account whose mail it is. Raises `UserError` when it is not clear."""
    known = ", ".join(accounts) or "none"
    if name is None and len(accounts) == 1:
        name = next(iter(accounts))
    if name is None:
        raise UserError(f"say whose mail it is: --account NAME; there are: {known}", code=USAGE)
    if name not in accounts:
        raise UserError(f"there is no mail account {name}; there are: {known}", code=USAGE)
    return accounts[name].account(name)


class InFlight:
    """Bounds what is on its way at once: mails, and bytes that they keep in memory."""

    def __init__(self, *, most_mails: int = AT_ONCE, most_bytes: int = BYTES_AT_ONCE) -> None:
        self._most_mails = most_mails
        self._most_bytes = most_bytes
        self._left = asyncio.Event()
        self.mails = 0
        self.bytes = 0

    async def enter(self, size: int) -> None:
        """Wait until there is room; a mail larger than all of it goes alone."""
        while self.mails and (self.mails >= self._most_mails or self.bytes + size > self._most_bytes):
            self._left.clear()
            await self._left.wait()
        self.mails += 1
        self.bytes += size

    def leave(self, size: int) -> None:
        """Give room back."""
        self.mails -= 1
        self.bytes -= size
        self._left.set()


async def _import(store: Opened, account: Account, files: Sequence[Path], tally: Tally) -> None:
    most = store.settings.smtp.max_mail_bytes
    flight = InFlight()
    directory = AccountDirectory(accounts=store.settings.mail_accounts())
    async with _intake(store) as intake:
        with _progress() as progress, _until_interrupted() as interrupted:
            task = progress.add_task("importing", total=len(files)) if progress else None
            async with asyncio.TaskGroup() as group:
                for path in files:
                    for raw in mails(path, most=most, tally=tally):
                        await flight.enter(len(raw))
                        if interrupted.is_set():
                            break
                        group.create_task(_one(intake, Origin(account, path, directory), raw, tally, flight))
                    if interrupted.is_set():
                        tally.note("stopped")
                        break
                    if progress and task is not None:
                        progress.advance(task)


@contextmanager
def _until_interrupted() -> Iterator[asyncio.Event]:
    """Give an event that the first Ctrl-C sets: what is in flight is finished. The second one ends it at once."""
    loop, event = asyncio.get_running_loop(), asyncio.Event()

    def stop() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)
        event.set()

    before = signal.getsignal(signal.SIGINT)
    loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield event
    finally:
        if not event.is_set():
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)


async def _one(intake: Intake, origin: Origin, raw: bytes, tally: Tally, flight: InFlight) -> None:
    rcpt_to = recipients_in(raw, account=origin.account, directory=origin.directory)
    delivery = Delivery(account=origin.account, raw=raw, received_at=now(), intake="import", rcpt_to=rcpt_to)
    try:
        why = await _accepted(intake, delivery)
    finally:
        flight.leave(len(raw))
    if why:
        tally.note("failed", origin.path, f"not taken, also not later: {why}")
    else:
        tally.note("accepted")


async def _accepted(intake: Intake, delivery: Delivery) -> str:
    """Try until it is stored; give why it is not, in the end."""
    why = ""
    for _ in range(TRIES):
        try:
            await intake.accept((delivery,))
        except LaterError as error:
            why = str(error) or "bus or store do not answer"
            await asyncio.sleep(PAUSE)
        else:
            return ""
    return why


@asynccontextmanager
async def _intake(store: Opened) -> AsyncIterator[Intake]:
    """Put together the intake of a daemon, without its listener."""
    async with AsyncExitStack() as stack:
        board = Board(clock=now)
        metrics = IntakeMetrics(registry=CollectorRegistry())
        gate = Gate(board=board, counted=lambda _: None)
        blobs = LocalBlobStore(root=store.settings.blob_folder)
        stack.callback(blobs.close)
        try:
            await blobs.prepare(now=now())
        except OSError as error:
            raise UserError(f"blobs.path: {error.strerror or error}") from error
        lookout = Lookout(settings=store.settings, pool=store.pool, log=store.log, gate=gate, metrics=metrics)
        normalizer = MailNormalizer()
        stack.push_async_callback(normalizer.close)
        try:
            await ensure_topics(store.log, store.settings)
            publisher = await store.log.publisher()
        except BusError as error:
            raise UserError(f"the bus does not answer: {error}") from error
        await lookout.look_at_lag()
        stack.callback(asyncio.create_task(_watch_disk(gate, store.settings.written_folders)).cancel)
        stack.callback(asyncio.create_task(_watch_lag(lookout)).cancel)
        topic = store.settings.bus.inbound_topic
        sink = BusSink(publisher=publisher, topic=topic, blobs=blobs, board=board, shrunk=metrics.shrunk.inc)
        assess = MailAssess(settings=store.settings.smtp.assess, clock=time.monotonic, meter=metrics)
        stack.callback(assess.close)
        yield Intake(
            normalize=normalizer,
            undecodable=undecodable,
            blobs=blobs,
            sink=sink,
            door=gate,
            assess=assess,
            meter=metrics,
        )


async def _watch_disk(gate: Gate, folders: Sequence[Path]) -> None:
    """Close the gate while a disk is nearly full, so that an import never fills it."""
    while True:
        gate.look_at_disk(*folders)
        await asyncio.sleep(LOOK_EVERY)


async def _watch_lag(lookout: Lookout) -> None:
    """Close the gate while routing lags so far that the bus would remove unrouted mail (Kafka)."""
    while True:
        await asyncio.sleep(LAG_EVERY)
        await lookout.look_at_lag()


def _progress() -> "Progress | nullcontext[None]":
    """Give a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # noqa: PLC0415 - only for people

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
