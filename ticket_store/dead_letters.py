"""Dead letters for operators: the listing, one in full, and dropping one. Retrying is the router's."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from ticket_store.listing import checked_limit, fetch_all, fetch_rows
from ticket_store.statements import statement


class DeadLetterError(LookupError):
    """There is no open dead letter with this id; the message says which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterLine:
    """One dead letter of a listing. `size` is the record's, in bytes; `state` is open or dropped."""

    id: int
    account: str
    reason: str
    sqlstate: str
    state: str
    topic: str
    partition: int
    offset: int
    size: int
    died_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One dead letter with its record. `value` is the record's bytes; `headers` are pairs of name and base64."""

    letter: DeadLetterLine
    key: bytes
    value: bytes
    headers: list[Any]

    @property
    def text(self) -> str:
        """Give the record's value as text; bytes that are none are shown as U+FFFD."""
        return self.value.decode(errors="replace")


async def list_dead_letters(
    connection: AsyncConnection[TupleRow],
    *,
    state: str | None = "open",
    account: str | None = None,
    after_id: int | None = None,
    limit: int = 50,
) -> list[DeadLetterLine]:
    """Give dead letters, the oldest first; `state` None gives dropped ones too."""
    parameters = {"state": state, "account": account, "after_id": after_id, "id": None, "limit": checked_limit(limit)}
    return await fetch_all(connection, statement("dead_letters", "list_dead_letters"), parameters, DeadLetterLine)


async def show_dead_letter(connection: AsyncConnection[TupleRow], letter_id: int) -> DeadLetter:
    """Give one dead letter, open or dropped, or raise `DeadLetterError`."""
    which: dict[str, object] = {"id": letter_id, "limit": 1}
    which |= dict.fromkeys(("state", "account", "after_id"))
    async with connection.transaction():
        lines = await fetch_all(connection, statement("dead_letters", "list_dead_letters"), which, DeadLetterLine)
        records = await fetch_rows(connection, statement("dead_letters", "record"), which)
    if not lines or not records:
        raise DeadLetterError(f"there is no dead letter {letter_id}: `switchboard dead-letters list` shows them")
    return DeadLetter(letter=lines[0], **records[0])


async def drop_dead_letter(connection: AsyncConnection[TupleRow], letter_id: int) -> None:
    """Give up an open dead letter: it counts as discarded from now on. Raises `DeadLetterError` when it is not open.

    The record stays in the row and its blobs stay named, so that a mistake can be mended.
    """
    async with connection.transaction():
        cursor = await connection.execute(statement("dead_letters", "drop_dead_letter"), {"id": letter_id})
        if cursor.rowcount == 0:
            letter = await show_dead_letter(connection, letter_id)
            raise DeadLetterError(f"dead letter {letter_id} is not open but {letter.letter.state}")
