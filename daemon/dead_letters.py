"""What `dead-letters ...` does."""

from collections.abc import Awaitable

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console import detail, tables
from daemon.asking import ask
from daemon.cli_options import print_json, print_line, print_text
from daemon.errors import NO
from daemon.listings import print_listing
from daemon.opened import Opened, desk
from router.desk import Retried
from ticket_store import dead_letters
from ticket_store.listing import as_json as plain


def list_letters(*, state: str | None, account: str | None, limit: int | None, as_json: bool) -> None:
    """Print dead letters."""

    def page(
        connection: AsyncConnection[TupleRow], last: dead_letters.DeadLetterLine | None, most: int
    ) -> Awaitable[list[dead_letters.DeadLetterLine]]:
        after = last.id if last else None
        return dead_letters.list_dead_letters(connection, state=state, account=account, after_id=after, limit=most)

    print_listing(page, tables.DEAD_LETTERS, account=account, limit=limit, as_json=as_json, nothing="no dead letters")


def show_letter(letter: int, *, as_json: bool) -> None:
    """Print one dead letter; as JSON with its record."""

    async def read(store: Opened) -> dead_letters.DeadLetter:
        async with store.pool.connection() as connection:
            return await dead_letters.show_dead_letter(connection, letter)

    found = ask(read)
    if as_json:
        print_json({**plain(found), "value": found.text})
    else:
        print_text(detail.dead_letter(plain(found)))


def retry_letter(letter: int) -> int:
    """Route a dead letter again; 1 when it fails again."""

    async def retry(store: Opened) -> Retried:
        return await desk(store).retry(letter)

    done = ask(retry)
    if done.reason:
        print_line(f"dead letter {letter} failed again: {done.reason}")
        return NO
    became = ", ".join(f"{outcome} ({rule})" for outcome, rule in done.routed)
    print_line(f"dead letter {letter} is routed: {became}")
    return 0


def drop_letter(letter: int) -> None:
    """Give a dead letter up."""

    async def drop(store: Opened) -> None:
        async with store.pool.connection() as connection:
            await connection.rollback()
            await dead_letters.drop_dead_letter(connection, letter)

    ask(drop)
    print_line(f"dead letter {letter} is dropped; it counts as discarded")
