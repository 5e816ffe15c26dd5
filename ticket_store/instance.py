"""Who this installation is: one row, made by whoever comes first and never changed."""

from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_bytes
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from ticket_store.numbers import KEY_BYTES
from ticket_store.statements import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """The installation. `instance_id` stands in events' `source`; the key is a secret and stays out of logs."""

    instance_id: UUID
    ticket_number_key: bytes = field(repr=False)
    created_at: datetime

    @property
    def source(self) -> str:
        """Give the CloudEvents `source` of everything this installation emits."""
        return f"/switchboard/{self.instance_id}"


async def read_or_create(connection: AsyncConnection[TupleRow]) -> Instance:
    """Give the instance row, made in a transaction of its own when missing; concurrent callers get the same one.

    The insert waits for a concurrent one and then does nothing; reading after it, in the next statement of READ
    COMMITTED, sees whichever won. The connection must not stand in a transaction of a stricter level.
    """
    async with connection.transaction(), connection.cursor(row_factory=class_row(Instance)) as cursor:
        await cursor.execute(statement("instance", "create_instance"), {"key": token_bytes(KEY_BYTES)})
        await cursor.execute(statement("instance", "read_instance"))
        row = await cursor.fetchone()
    if row is None:
        raise LookupError("the instance row cannot be read: run `switchboard migrate`")
    return row
