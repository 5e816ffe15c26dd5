"""The installation's signing keys: made by whoever comes first, added to by `switchboard keys rotate`."""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes
from typing import Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from ticket_store.statements import statement

SECRET_BYTES: Final = 32
MOST: Final = 255
"""Keys that an installation can ever have: a token names its key with one octet, and 0 is none."""


class SigningKeyError(ValueError):
    """The keys cannot be changed so; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyRow:
    """One key. The secret stays out of logs and listings."""

    id: int
    secret: bytes = field(repr=False)
    created_at: datetime
    retired_at: datetime | None

    @property
    def retired(self) -> bool:
        """Whether what it signed is refused."""
        return self.retired_at is not None


async def read_keys(connection: AsyncConnection[TupleRow]) -> list[SigningKeyRow]:
    """Give every key, the oldest first; the first one is made when there is none."""
    found = await _read(connection)
    if found:
        return found
    async with connection.transaction():
        await connection.execute(statement("signing_keys", "first_key"), {"secret": token_bytes(SECRET_BYTES)})
    return await _read(connection)


async def rotate(connection: AsyncConnection[TupleRow]) -> SigningKeyRow:
    """Make a key that signs from now on; what older keys signed stays true. Raises `SigningKeyError` at the 256th."""
    async with connection.transaction(), connection.cursor(row_factory=class_row(SigningKeyRow)) as cursor:
        await cursor.execute(statement("signing_keys", "lock_keys"))
        await cursor.execute(statement("signing_keys", "next_key"), {"secret": token_bytes(SECRET_BYTES), "most": MOST})
        row = await cursor.fetchone()
    if row is None:
        raise SigningKeyError(f"there are {MOST} keys already, and a token has room for no more")
    return row


async def retire(connection: AsyncConnection[TupleRow], key_id: int) -> None:
    """Refuse from now on what a key signed. Raises `SigningKeyError` for the one that signs, and for none."""
    async with connection.transaction():
        await connection.execute(statement("signing_keys", "lock_keys"))
        cursor = await connection.execute(statement("signing_keys", "retire_key"), {"id": key_id})
        if cursor.rowcount:
            return
    raise SigningKeyError(
        f"key {key_id} cannot be retired: it is not there, is retired already, or is the one that signs "
        "(`switchboard keys rotate` first)"
    )


async def _read(connection: AsyncConnection[TupleRow]) -> list[SigningKeyRow]:
    async with connection.cursor(row_factory=class_row(SigningKeyRow)) as cursor:
        await cursor.execute(statement("signing_keys", "read_keys"))
        return await cursor.fetchall()
