"""Notices as their worker and people see them. The router writes them (`routing_write.sql`, `copy_notices`)."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.notice_rows import DueNotice, SettledNotice, SpentRow, TakenNotice
from ticket_store.listing import checked_limit, fetch_all
from ticket_store.routing import RoutingStore, RoutingTransaction
from ticket_store.signing_keys import SigningKeyRow, read_keys
from ticket_store.statements import statement


class NoticeTransaction(RoutingTransaction):
    """One open transaction of the worker. Locks: due notices, which nobody else waits for, then tickets."""

    async def take(self, limit: int) -> Sequence[TakenNotice]:
        """Lock due notices, the oldest first; none while another worker has its turn."""
        if not (await self._read("turn_of_notices", {}))[0][0]:
            return ()
        return [TakenNotice(*row) for row in await self._read("take_notices", {"limit": limit})]

    async def facts(self, ids: Collection[int]) -> Sequence[DueNotice]:
        """Read what taken notices are about, as it stands now."""
        return [DueNotice(*row) for row in await self._read("notice_facts", {"ids": sorted(ids)})]

    async def spent(self, address_keys: Collection[bytes], since: datetime) -> Sequence[SpentRow]:
        """Count what these addresses got since then."""
        parameters = {"address_keys": sorted(address_keys), "since": since}
        return [SpentRow(*row) for row in await self._read("spent_notices", parameters)]

    async def settle(self, settled: Sequence[SettledNotice], now: datetime) -> None:
        """Say what became of taken notices."""
        if settled:
            ids, states, whys, send_message_ids = (list(column) for column in zip(*settled, strict=True))
            parameters = {"ids": ids, "states": states, "whys": whys, "send_message_ids": send_message_ids, "now": now}
            await self._connection.execute(statement("notices", "settle_notices"), parameters)

    async def signing_keys(self) -> Sequence[SigningKeyRow]:
        """Read the installation's keys, the oldest first; the first is made when there is none."""
        return await read_keys(self._connection)

    async def _read(self, name: str, parameters: Mapping[str, object]) -> list[TupleRow]:
        cursor = await self._connection.execute(statement("notices", name), parameters)
        return await cursor.fetchall()


class NoticeStore(RoutingStore):
    """Transactions of the worker on a pool."""

    def transaction(self) -> AbstractAsyncContextManager[NoticeTransaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        return self._opened(NoticeTransaction)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeLine:
    """One notice of a listing. `delivery` is the state of its sending; empty while it is not sent at all."""

    id: int
    account: str
    reason: str
    state: str
    why: str
    address: str
    message_id: int
    number: str
    created_at: datetime
    done_at: datetime | None
    send_message_id: int | None
    delivery: str


async def list_notices(
    connection: AsyncConnection[TupleRow],
    *,
    state: str | None = None,
    reason: str | None = None,
    account: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[NoticeLine]:
    """Give notices, the newest first. `before` is the id of the last one seen."""
    parameters = {
        "state": state,
        "reason": reason,
        "account": account,
        "before": before,
        "limit": checked_limit(limit),
    }
    return await fetch_all(connection, statement("notices", "list_notices"), parameters, NoticeLine)


async def count_due(connection: AsyncConnection[TupleRow]) -> tuple[int, datetime | None]:
    """Give how many notices wait, and since when the oldest does."""
    cursor = await connection.execute(statement("notices", "due_notices"))
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (0, None)
