"""The store's side of suggestions: held messages as they came, and the tickets that their clues lead to."""

from collections.abc import Collection, Sequence

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.routing_rows import HeldMessageRow
from schemas.suggestion_rows import Clue, ProposedRow
from ticket_store.pool import Pool
from ticket_store.statements import statement


class SuggestionStore:
    """Reads on a pool, by index alone: looking at the spool must not slow down routing."""

    def __init__(self, *, pool: Pool) -> None:
        self._pool = pool

    async def held(self, message_ids: Collection[int]) -> Sequence[HeldMessageRow]:
        """Give those of these messages that are held."""
        parameters = {"message_ids": sorted(message_ids)}
        async with self._pool.connection() as connection:
            cursor = await connection.execute(statement("suggestions", "held_messages"), parameters)
            return [HeldMessageRow(*row) for row in await cursor.fetchall()]

    async def proposed(self, clues: Sequence[Clue]) -> Sequence[ProposedRow]:
        """Give the tickets to which clues lead, each once for a held message and a kind of clue."""
        async with self._pool.connection() as connection, connection.transaction():
            return await proposed_tickets(connection, clues)


async def proposed_tickets(connection: AsyncConnection[TupleRow], clues: Sequence[Clue]) -> list[ProposedRow]:
    """Follow clues inside the caller's transaction, whose plans are kept to indexes."""
    await connection.execute(statement("routing", "settings"))
    names = ("held_ids", "kinds", "places", "scopes", "keys", "texts", "numbers")
    columns = zip(*clues, strict=True) if clues else ((),) * len(names)
    parameters = {name: list(column) for name, column in zip(names, columns, strict=True)}
    cursor = await connection.execute(statement("suggestions", "proposed_tickets"), parameters)
    return [ProposedRow(*row) for row in await cursor.fetchall()]
