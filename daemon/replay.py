"""`replay --renormalize`: stored deliveries parsed again by today's normalizer.

Each raw is read from the blob store, parsed as if it had just come from the same peer at the same time, and published
under its own delivery key with the higher version; the router puts the new reading in the old one's place. Doing it
again does nothing for what was read already, so an interrupted run is resumed by the same command.
"""

import sys
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rich.console import Console
from rich.progress import Progress

from bus.port import BusError
from connectors.base import Account, Delivery, InvalidDeliveryError, LaterError
from connectors.mail.normalize import NORMALIZER_VERSION, undecodable
from connectors.mail.normalizer import MailNormalizer
from console import tables
from daemon.asking import ask, check_account
from daemon.cli_options import print_json, print_table
from daemon.clock import now
from daemon.errors import NO, USAGE, UserError
from daemon.health import Board
from daemon.listings import rows
from daemon.opened import Opened
from daemon.sink import BusSink
from daemon.wiring import ensure_topics
from router.decode import Undecodable, UnknownSchemaError, decode
from router.stored import message_of
from schemas.message import InboundMessage, Result, Verdict
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.dead_letters import drop_dead_letter, list_dead_letters, show_dead_letter
from ticket_store.replay import Outdated, count_outdated, outdated

CHANNEL: Final = "mail"
PAGE: Final = 100
"""Messages read from the store at a time; their raws are in memory one by one."""
OUTCOMES: Final = ("published", "raw_gone", "unreadable", "failed")
WRONG: Final = ("raw_gone", "unreadable", "failed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What to parse again: messages, and with `dead` the open dead letters instead."""

    account: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    held: bool = False
    dead: bool = False
    dry_run: bool = False

    def outdated(self) -> Outdated:
        """Say which messages."""
        return Outdated(
            channel=CHANNEL,
            version=NORMALIZER_VERSION,
            account=self.account,
            since=self.since,
            until=self.until,
            held=self.held,
        )


def run_replay(choice: Choice, *, as_json: bool) -> int:
    """Parse again and publish; 1 when something could not be."""
    if choice.dead and (choice.account or choice.since or choice.until or choice.held):
        raise UserError("--dead takes all open dead letters: it goes with no filter", code=USAGE)
    tally: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))

    async def work(store: Opened) -> None:
        async with store.pool.connection() as connection:
            await check_account(store, connection, choice.account)
            tally["found"] = await count_outdated(connection, choice.outdated()) if not choice.dead else 0
        if choice.dry_run:
            tally["found"] += await _count_dead(store) if choice.dead else 0
            return
        async with _renewing(store) as renewing:
            await (_dead(store, renewing, tally) if choice.dead else _messages(store, renewing, choice, tally))

    ask(work)
    if as_json:
        print_json(dict(tally))
    else:
        print_table(tables.facts(dict(tally), title="Parsed again"))
    return NO if any(tally[name] for name in WRONG) else 0


class Renewing:
    """Parses one stored delivery again and publishes what it says now."""

    def __init__(self, *, blobs: LocalBlobStore, normalizer: MailNormalizer, sink: BusSink) -> None:
        self._blobs = blobs
        self._normalizer = normalizer
        self._sink = sink

    async def renew(self, stored: InboundMessage) -> str:
        """Give the outcome. Raises `LaterError` when bus or disk do not take it now."""
        try:
            raw = await self._blobs.get(stored.raw.sha256)
        except FileNotFoundError:
            return "raw_gone"
        except OSError as error:
            raise LaterError(f"a raw delivery cannot be read: {error.strerror}") from error
        delivery = delivery_of(stored, raw)
        try:
            normalized = await self._normalizer(delivery)
            message, blobs = normalized.message, normalized.blobs
        except InvalidDeliveryError as error:
            message, blobs = undecodable(delivery, error.reason), ()
        if message.delivery_key != stored.delivery_key:
            return "failed"
        for blob in blobs:
            await self._blobs.put(blob)
        await self._blobs.touch(stored.raw.sha256)
        await self._sink.publish([message.model_copy(update={"verdict": kept_verdict(stored, message)})])
        return "published"


def kept_verdict(stored: InboundMessage, message: InboundMessage) -> Verdict:
    """Give what was found when it came. It says nothing of another sender, but that somebody's check failed."""
    is_same = message.sender.address == stored.sender.address
    return stored.verdict if is_same or stored.verdict.result is Result.FAIL else Verdict()


def delivery_of(stored: InboundMessage, raw: bytes) -> Delivery:
    """Make the delivery as it came: the same account, envelope and time."""
    envelope = stored.envelope
    return Delivery(
        account=Account(name=stored.account, channel=stored.channel, scope=stored.scope),
        raw=raw,
        received_at=stored.received_at,
        intake=envelope.intake,
        peer=envelope.peer,
        mail_from=envelope.mail_from,
        rcpt_to=envelope.rcpt_to,
        helo=envelope.helo,
        tls=envelope.tls,
    )


async def _messages(store: Opened, renewing: Renewing, choice: Choice, tally: Counter[str]) -> None:
    console = Console(file=sys.stderr)
    after = 0
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        task = progress.add_task("parsing again", total=tally["found"])
        while True:
            async with store.pool.connection() as connection:
                page = await outdated(connection, choice.outdated(), after_id=after, limit=PAGE)
            for row in page:
                tally[await _renewed(renewing, message_of(row))] += 1
                progress.advance(task)
            if len(page) < PAGE:
                return
            after = page[-1].id


async def _count_dead(store: Opened) -> int:
    async with store.pool.connection() as connection:
        found = await rows(
            lambda last, most: list_dead_letters(connection, after_id=last.id if last else None, limit=most), most=None
        )
    return len(found)


async def _dead(store: Opened, renewing: Renewing, tally: Counter[str]) -> None:
    """Publish the messages of open dead letters anew, and drop each that is on its way again."""
    after: int | None = None
    while True:
        async with store.pool.connection() as connection:
            page = await list_dead_letters(connection, after_id=after, limit=PAGE)
        for line in page:
            tally["found"] += 1
            tally[await _dead_letter(store, renewing, line.id)] += 1
        if len(page) < PAGE:
            return
        after = page[-1].id


async def _dead_letter(store: Opened, renewing: Renewing, letter_id: int) -> str:
    async with store.pool.connection() as connection:
        await connection.rollback()
        letter = await show_dead_letter(connection, letter_id)
    message = _decoded(letter.value, letter.headers)
    if message is None:
        return "unreadable"
    outcome = await _renewed(renewing, message)
    if outcome == "published":
        async with store.pool.connection() as connection:
            await connection.rollback()
            await drop_dead_letter(connection, letter_id)
    return outcome


def _decoded(value: bytes, headers: list[Any]) -> InboundMessage | None:
    try:
        found = decode(value, [(name, b64decode(content)) for name, content in headers])
    except UnknownSchemaError:
        return None
    return None if isinstance(found, Undecodable) or found.channel != CHANNEL else found


async def _renewed(renewing: Renewing, stored: InboundMessage) -> str:
    try:
        return await renewing.renew(stored)
    except LaterError as error:
        raise UserError(f"{error}: run the same command again, what was done already is left out") from error


@asynccontextmanager
async def _renewing(store: Opened) -> AsyncIterator[Renewing]:
    async with AsyncExitStack() as stack:
        blobs = LocalBlobStore(root=store.settings.blob_folder)
        stack.callback(blobs.close)
        normalizer = MailNormalizer()
        stack.push_async_callback(normalizer.close)
        try:
            await blobs.prepare(now=now())
            await ensure_topics(store.log, store.settings)
            publisher = await store.log.publisher()
        except (BusError, OSError) as error:
            raise UserError(f"bus or blobs do not answer: {type(error).__name__}") from error
        topic, board = store.settings.bus.inbound_topic, Board(clock=now)
        sink = BusSink(publisher=publisher, topic=topic, blobs=blobs, board=board, shrunk=lambda: None)
        yield Renewing(blobs=blobs, normalizer=normalizer, sink=sink)
