"""COPY of new rows; in binary where a batch has many, which is made and read in a third of the time of text.

Binary values are of exactly the column's type, so the types stand here, column by column, as in the statement.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format
from psycopg.rows import TupleRow

from ticket_store.statements import statement

BINARY: Final[Mapping[str, Sequence[str]]] = {
    "copy_tickets": (
        *("int8", "text", "text", "text", "text", "text", "text", "bytea", "bytea", "text", "text", "text", "int8"),
        *("int4", "int8", "timestamptz", "timestamptz", "timestamptz", "int8", "bool", "timestamptz", "bytea"),
    ),
    "copy_messages": (
        *("int8", "int8", "text", "text", "text", "text", "text", "bytea", "bytea", "bytea", "bytea", "text", "text"),
        *("text", "text", "text", "text", "text", "timestamptz", "timestamptz", "int4", "bytea", "int8", "jsonb"),
        *("jsonb", "int4", "int8", "text", "text", "text", "bytea", "int8"),
    ),
    "copy_participants": ("int8", "bytea", "text", "text"),
    "copy_blob_refs": ("bytea", "text", "int8"),
    "copy_outbox": ("uuid", "int8", "int2", "int8", "text", "text"),
}
"""Statements with `(format binary)`, and the types of their columns."""


class WrittenJsonDumper(Dumper):
    """Dumps JSON that is written already."""

    oid = 3802
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer | None:  # noqa: ANN401 - psycopg's signature
        """Give version 1 and the text (`jsonb_recv`)."""
        return b"\x01" + str(obj).encode()


class ExactIntDumper(Dumper):
    """Dumps a number of four octets, and refuses a larger one: psycopg's own cuts it."""

    oid = 23
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer | None:  # noqa: ANN401 - psycopg's signature
        """Give it; `struct.error` when it does not fit."""
        return struct.pack("!i", obj)


def exact_types(adapters: AdaptersMap) -> None:
    """Let COPY in binary write these types; nothing else asks for dumpers by type."""
    for dumper in (WrittenJsonDumper, ExactIntDumper):
        adapters.register_dumper(None, dumper)


async def copy_rows(
    connection: AsyncConnection[TupleRow], file: str, name: str, rows: Sequence[tuple[object, ...]]
) -> None:
    """Store new rows, if there are any."""
    if not rows:
        return
    async with connection.cursor() as cursor, cursor.copy(statement(file, name)) as copy:
        if name in BINARY:
            copy.set_types(BINARY[name])
        for row in rows:
            await copy.write_row(row)
