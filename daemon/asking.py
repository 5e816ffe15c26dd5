"""What commands ask of the store, and how a "no" reaches the person who asked: as a sentence and an exit code."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from daemon.errors import NO, NOT_FOUND, USAGE, UserError
from daemon.opened import Opened, with_store
from lifecycle.statuses import MoveError
from router.desk import DeskError, NoSuchDeadLetterError, NoSuchTicketError
from router.desk import NotHeldError as NotHeldAnyMoreError
from router.moving import NoSuchMessageError
from schemas.numbers import parse, shown
from ticket_store.dead_letters import DeadLetterError
from ticket_store.legacy import OldTicketNotFoundError
from ticket_store.signing_keys import SigningKeyError
from ticket_store.spool import NotHeldError
from ticket_store.statements import statement
from ticket_store.tickets import TicketNotFoundError

CODES: Final[Mapping[type[Exception], int]] = {
    TicketNotFoundError: NOT_FOUND,
    NoSuchTicketError: NOT_FOUND,
    NotHeldError: NOT_FOUND,
    OldTicketNotFoundError: NOT_FOUND,
    NotHeldAnyMoreError: NOT_FOUND,
    DeadLetterError: NOT_FOUND,
    NoSuchDeadLetterError: NOT_FOUND,
    NoSuchMessageError: NOT_FOUND,
    DeskError: NO,
    SigningKeyError: NO,
    MoveError: NO,
}
"""Exit code of each error that is an answer; the nearest class counts."""

_T = TypeVar("_T")


def ask(work: Callable[[Opened], Awaitable[_T]]) -> _T:
    """Run work on the store; what is not there or not allowed is a `UserError`."""
    try:
        return with_store(work)
    except tuple(CODES) as error:
        code = next(CODES[kind] for kind in type(error).__mro__ if kind in CODES)
        raise UserError(str(error), code=code) from error


def ticket_number(text: str) -> str:
    """Give the ten digits of a ticket number as people write it. Raises `UserError` for what is none."""
    try:
        return parse(text)
    except ValueError as error:
        raise UserError(str(error), code=USAGE) from error


def check_known(what: str, value: str | None, known: Iterable[str]) -> None:
    """Refuse a filter that nothing can fit; None is no filter. Raises `UserError` that lists what there is."""
    there = list(known)
    if value is not None and value not in there:
        raise UserError(f"there is no {what} {value!r}; there are: {', '.join(there) or 'none'}", code=USAGE)


async def check_account(store: Opened, connection: AsyncConnection[TupleRow], account: str | None) -> None:
    """Refuse an account that neither the settings nor the store know; one that left the settings keeps its tickets.

    Costs a scan of the messages, as the ledger does, and only when the settings do not know it.
    """
    if account is None or account in store.settings.accounts:
        return
    topic = {"topic": store.settings.bus.inbound_topic}
    cursor = await connection.execute(statement("ledger", "outcomes"), topic)
    stored = {str(row[1]) for row in await cursor.fetchall()}
    check_known("account", account, sorted(stored.union(store.settings.accounts)))


def for_people(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a row with its ticket number in groups, as it is read out; JSON keeps the ten digits.

    A chat in which somebody waits is said to be live. An old desk's number stays as that desk wrote it; ours stands
    beside it.
    """
    if "desk" in row:
        return {**row, "ticket": shown(row["ticket"]) if row["ticket"] else ""}
    live = {"status": f"{row['status']}, live"} if row.get("live") else {}
    return {**row, **live, "number": shown(row["number"])} if row.get("number") else row
