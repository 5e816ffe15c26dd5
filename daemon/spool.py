"""What `spool ...` does."""

import sys
from collections.abc import Awaitable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console import detail, tables
from daemon.asking import ask, check_known, ticket_number
from daemon.cli_options import print_json, print_text
from daemon.clock import now
from daemon.errors import NOT_FOUND, USAGE, UserError
from daemon.legacy_context import of_message
from daemon.listings import print_listing
from daemon.opened import Opened, desk, second_look
from daemon.spool_bulk import Which, check_which, each, who
from daemon.suggesting import suggestions
from router.desk import Filed, NoSuchTicketError
from schemas.numbers import shown
from schemas.placement import HoldReason
from ticket_store import spool
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.listing import as_json as plain


def list_held(*, reason: str | None, account: str | None, limit: int | None, as_json: bool) -> None:
    """Print held messages."""
    check_known("reason", reason, HoldReason)

    def page(
        connection: AsyncConnection[TupleRow], last: spool.SpoolLine | None, most: int
    ) -> Awaitable[list[spool.SpoolLine]]:
        after = last.id if last else None
        return spool.list_spool(connection, now=now(), reason=reason, account=account, after_id=after, limit=most)

    nothing, more = "nothing is held", _with_suggestions
    print_listing(page, tables.SPOOL, account=account, limit=limit, as_json=as_json, nothing=nothing, more=more)


async def _with_suggestions(store: Opened, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    likely = await suggestions(store, [row["id"] for row in rows])
    return [{**row, "suggestions": likely.get(row["id"], [])} for row in rows]


def show_held(message: int, *, as_json: bool) -> None:
    """Print one held message."""

    async def read(store: Opened) -> dict[str, Any]:
        async with store.pool.connection() as connection:
            held = await spool.show_held(connection, message, now=now())
            likely = (await suggestions(store, [message])).get(message, [])
            old = await of_message(connection, store.settings, held.decision, held.message.sender)
            return {**plain(held), "suggestions": likely, "old_tickets": old}

    found = ask(read)
    if as_json:
        print_json(found)
    else:
        likely = [{**one, "ticket": shown(one["ticket"])} for one in found["suggestions"]]
        print_text(detail.held({**found, "suggestions": likely}))


async def _copy_raw(store: Opened, digest: str, target: BinaryIO) -> None:
    blobs = LocalBlobStore(root=store.settings.blob_folder, threads=1)
    try:
        async for chunk in blobs.stream(digest):
            target.write(chunk)
    finally:
        blobs.close()


def _target(name: str) -> AbstractContextManager[BinaryIO]:
    return nullcontext(sys.stdout.buffer) if name == "-" else Path(name).open("xb")


def save_raw(message: int, target: str) -> None:
    """Write the raw delivery of a held message to a file, or to standard output when that is no terminal."""
    if target == "-" and sys.stdout.isatty():
        raise UserError("raw mail can hold what a terminal obeys: name a file, or pipe it somewhere", code=USAGE)

    async def save(store: Opened) -> None:
        async with store.pool.connection() as connection:
            held = await spool.show_held(connection, message, now=now())
        try:
            with _target(target) as file:
                await _copy_raw(store, held.raw_sha256, file)
        except FileExistsError:
            raise UserError(f"{target} is there already: name another file") from None
        except OSError as error:
            raise UserError(f"the raw mail cannot be copied: {error.strerror}") from error

    ask(save)


def link_held(messages: Sequence[int], number: str, *, by: str | None) -> int:
    """Put held messages on a ticket."""
    bare = ticket_number(number)

    async def link(store: Opened, message: int) -> str:
        try:
            return _said(await desk(store).link(message, bare, by=who(by)))
        except NoSuchTicketError as error:
            raise UserError(str(error).replace(bare, shown(bare)), code=NOT_FOUND) from error

    return each(Which(ids=messages), link, doing=f"put on ticket {shown(bare)}", dry_run=False)


def open_held(messages: Sequence[int], *, by: str | None) -> int:
    """Open a ticket for each of some held messages."""

    async def open_(store: Opened, message: int) -> str:
        return _said(await desk(store).open(message, by=who(by)))

    return each(Which(ids=messages), open_, doing="a ticket of its own", dry_run=False)


def forward_held(messages: Sequence[int], *, by: str | None) -> int:
    """Send held messages on to the old desk whose mail they are."""

    async def forward(store: Opened, message: int) -> str:
        filed = await desk(store).forward(message, by=who(by))
        return f"is sent on to the old desk{_more(filed)}"

    return each(Which(ids=messages), forward, doing="sent on to the old desk", dry_run=False)


def discard_held(which: Which, *, by: str | None, dry_run: bool) -> int:
    """Take held messages out of the spool."""
    check_which(which, machines_only=True)

    async def discard(store: Opened, message: int) -> str:
        return _said(await desk(store).discard(message, by=who(by)))

    return each(which, discard, doing="discarded", dry_run=dry_run)


def release_held(which: Which, *, by: str | None, dry_run: bool) -> int:
    """Let the rules decide anew about held messages; what they leave open stays held."""
    check_which(which, machines_only=False)

    async def release(store: Opened, message: int) -> str:
        is_released = await second_look(store).look(message, by=who(by))
        return "is released" if is_released else "stays held: the rules leave it open"

    return each(which, release, doing="decided anew", dry_run=dry_run)


def _said(filed: Filed) -> str:
    where = f"is on ticket {shown(filed.ticket)}" if filed.ticket else "is discarded"
    return f"{where}{_more(filed)}"


def _more(filed: Filed) -> str:
    return f"; {filed.released} held answers went with it" if filed.released else ""
