"""`import`: mail from files, as if it had just arrived.

The same intake as every channel: parsed, kept, published, and only then counted as done. Delivery keys make it
idempotent, so an interrupted import is resumed by running it again.
"""

import asyncio
import mailbox
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bus.port import BusError
from connectors.base import Account, Delivery, LaterError
from connectors.intake import Intake
from connectors.mail.assess import MailAssess
from connectors.mail.normalize import undecodable
from connectors.mail.normalizer import MailNormalizer
from connectors.mail.settings import MailAccountSettings
from console import tables
from daemon.cli_options import print_json, print_table
from daemon.clock import now
from daemon.door import Gate
from daemon.errors import INTERRUPTED, NO, NOT_FOUND, USAGE, UserError
from daemon.health import Board
from daemon.metrics import IntakeMetrics
from daemon.opened import Opened, with_store
from daemon.sink import BusSink
from daemon.wiring import ensure_topics
from ticket_store.blobs_local import LocalBlobStore

AT_ONCE: Final = 64
"""Mails in flight; they share syncs and transactions."""
MAX_MAIL: Final = 64 * 1024 * 1024
TRIES: Final = 20
PAUSE: Final = 3.0
"""Seconds between two tries while bus or store do not answer: a minute in all."""
LOOK_EVERY: Final = 1.0
"""Seconds between two looks at the disks."""
SUFFIXES: Final = frozenset({".eml", ".msg", ".mbox", ""})
"""What is read inside folders; a file that is named is read whatever its name is."""


def run_import(paths: Sequence[Path], *, account: str | None, as_json: bool) -> int:
    """Import everything; 1 when something could not be read or stored."""
    files = list(_files(paths))

    async def work(store: Opened) -> Counter[str]:
        chosen = choose(store.settings.mail_accounts(), account)
        return await _import(store, chosen, files)

    counts = with_store(work)
    if counts["stopped"]:
        sys.stderr.write("switchboard: stopped; run the same command again for the rest, nothing will be there twice\n")
    summary = {name: counts[name] for name in ("stored", "too_large", "unreadable", "failed")}
    if as_json:
        print_json(summary)
    else:
        print_table(tables.facts(summary, title="Imported"))
    if counts["stopped"]:
        return INTERRUPTED
    return NO if counts["failed"] or counts["unreadable"] or counts["too_large"] else 0


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


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (one for one in sorted(path.rglob("*")) if one.is_file() and one.suffix.lower() in SUFFIXES)
        elif path.is_file():
            yield path
        else:
            raise UserError(f"{path}: there is no such file or folder", code=NOT_FOUND)


def mails(path: Path) -> Iterator[bytes]:
    """Give the raw mails of one file: one, or those of an mbox (RFC 4155). Raises `OSError`."""
    with path.open("rb") as file:
        is_mbox = file.read(5) == b"From "
    if not is_mbox:
        yield path.read_bytes()
        return
    box = mailbox.mbox(path, create=False)
    try:
        for key in box.iterkeys():
            yield box.get_bytes(key)
    finally:
        box.close()


async def _import(store: Opened, account: Account, files: Sequence[Path]) -> Counter[str]:
    counts: Counter[str] = Counter()
    async with _intake(store) as intake:
        with _progress() as progress, _until_interrupted() as interrupted:
            task = progress.add_task("importing", total=len(files)) if progress else None
            turns = asyncio.Semaphore(AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for path in files:
                    for raw in _readable(path, counts):
                        await turns.acquire()
                        if interrupted.is_set():
                            break
                        one = _one(intake, account, raw, counts)
                        group.create_task(one).add_done_callback(lambda _: turns.release())
                    if interrupted.is_set():
                        counts["stopped"] = 1
                        break
                    if progress and task is not None:
                        progress.advance(task)
    return counts


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


def _readable(path: Path, counts: Counter[str]) -> Iterator[bytes]:
    try:
        for raw in mails(path):
            if len(raw) > MAX_MAIL:
                counts["too_large"] += 1
                sys.stderr.write(f"switchboard: {path}: over {MAX_MAIL:,} bytes\n")
            elif raw.strip():
                yield raw
    except OSError as error:
        counts["unreadable"] += 1
        sys.stderr.write(f"switchboard: {path}: {error.strerror}\n")


async def _one(intake: Intake, account: Account, raw: bytes, counts: Counter[str]) -> None:
    delivery = Delivery(account=account, raw=raw, received_at=now(), intake="import")
    for _ in range(TRIES):
        try:
            await intake.accept((delivery,))
        except LaterError:
            await asyncio.sleep(PAUSE)
        else:
            counts["stored"] += 1
            return
    counts["failed"] += 1


@asynccontextmanager
async def _intake(store: Opened) -> AsyncIterator[Intake]:
    """Put together the intake of a daemon, without its listener."""
    async with AsyncExitStack() as stack:
        board = Board(clock=now)
        metrics = IntakeMetrics(registry=CollectorRegistry())
        gate = Gate(board=board, counted=lambda _: None)
        blobs = LocalBlobStore(root=store.settings.blob_folder)
        stack.callback(blobs.close)
        await blobs.prepare(now=now())
        stack.callback(asyncio.create_task(_watch_disk(gate, store.settings.written_folders)).cancel)
        normalizer = MailNormalizer()
        stack.push_async_callback(normalizer.close)
        try:
            await ensure_topics(store.log, store.settings)
            publisher = await store.log.publisher()
        except BusError as error:
            raise UserError(f"the bus does not answer: {error}") from error
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


def _progress() -> "Progress | nullcontext[None]":
    """Give a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console  # noqa: PLC0415 - only for people

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
