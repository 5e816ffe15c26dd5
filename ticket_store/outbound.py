"""Transactions in which people answer tickets: the router's own, and what only an answer needs."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final

from psycopg.rows import TupleRow

from schemas.message import Party
from schemas.outbound_rows import (
    ConversationRow,
    DueSend,
    PlacedMessageRow,
    PutBackRow,
    SaidRow,
    SendResult,
    SpokenRow,
)
from schemas.routing_rows import HeldMessageRow
from ticket_store.routing import RoutingStore, RoutingTransaction
from ticket_store.statements import statement

SPOKEN: Final = 100
"""Messages of a ticket that an answer looks back on."""
OWN: Final = len(PlacedMessageRow._fields) - 1
"""Columns of `placed_message` before those of the message itself."""


class OutboundTransaction(RoutingTransaction):
    """One open transaction. The order of locks is the router's."""

    async def spoken(self, ticket_id: int) -> Sequence[SpokenRow]:
        """Read the latest messages of a ticket and of those merged into it, the newest first."""
        rows = await self._read("spoken", {"ticket_id": ticket_id, "limit": SPOKEN})
        return [SpokenRow(*row) for row in rows]

    async def conversation(self, ticket_id: int, scope: str, sender_keys: Collection[bytes]) -> ConversationRow | None:
        """Give where one of these people last wrote on a ticket; None when no message of theirs has a conversation."""
        which = {"ticket_id": ticket_id, "scope": scope, "sender_keys": list(sender_keys)}
        rows = await self._read("conversation", which)
        return ConversationRow(*rows[0]) if rows else None

    async def said(self, message_id: int) -> SaidRow | None:
        """Read what became of a message of ours."""
        rows = await self._read("said", {"id": message_id})
        return SaidRow(*rows[0]) if rows else None

    async def bounced(self, ticket_id: int, addresses: Collection[str]) -> Mapping[str, str]:
        """Give those of these addresses that refused our latest mail on this ticket, with the reason."""
        rows = await self._read("bounced", {"ticket_id": ticket_id, "addresses": sorted(addresses)})
        return {row[0]: row[2] for row in rows if row[1] in ("failed", "bounced")}

    async def set_merge(self, ticket_id: int, *, into: int | None, at: datetime) -> None:
        """Let a locked ticket go on as another one, or by itself."""
        await self._do("set_merge", {"ticket_id": ticket_id, "into": into, "at": at})

    async def set_requester(self, ticket_id: int, party: Party, *, key: bytes, match: bytes) -> None:
        """Say whose a locked ticket is; who was the requester takes part no more."""
        parameters = {"ticket_id": ticket_id, "address": party.address, "name": party.name, "key": key, "match": match}
        await self._do("set_requester", parameters)

    async def dismiss(self, ticket_id: int, address_keys: Collection[bytes], *, role: str = "") -> None:
        """Let people take part in a locked ticket no more; with a role, only those who have it."""
        await self._do("dismiss", {"ticket_id": ticket_id, "address_keys": list(address_keys), "role": role})

    async def dismiss_merged(self, ticket_id: int, address_keys: Collection[bytes]) -> None:
        """Let those take part in a locked ticket no more who do so by merges alone, and by none that stands."""
        await self._do("dismiss_merged", {"ticket_id": ticket_id, "address_keys": list(address_keys)})

    async def dismiss_brought(self, ticket_id: int, address_keys: Collection[bytes], *, than: int) -> None:
        """Let those take part in a locked ticket no more whom no other message than this one has brought in."""
        await self._do("dismiss_brought", {"ticket_id": ticket_id, "address_keys": list(address_keys), "than": than})

    async def placed_message(self, message_id: int) -> PlacedMessageRow | None:
        """Read a message on a ticket, and where it stands; locks nothing."""
        rows = await self._read("placed_message", {"id": message_id})
        return PlacedMessageRow._make([*rows[0][:OWN], HeldMessageRow(*rows[0][OWN:])]) if rows else None

    async def wrote_more(self, ticket_id: int, sender: bytes, *, than: int) -> bool:
        """Say whether somebody has other messages on a ticket than this one."""
        rows = await self._read("wrote_more", {"ticket_id": ticket_id, "sender_key": sender, "than": than})
        return bool(rows[0][0])

    async def put_back(self, row: PutBackRow) -> None:
        """Let a message on a ticket wait in the spool, with the ids that it quotes."""
        await self._do("put_back", row._asdict())

    async def lock_send(self, send: DueSend) -> Sequence[dict[str, Any]] | None:
        """Lock a claimed send, after its ticket, and give its recipients; None when the claim was lost."""
        which = {"message_id": send.message_id, "claim": send.claim}
        cursor = await self._connection.execute(statement("sends", "lock_send"), which)
        row = await cursor.fetchone()
        return None if row is None else row[0]

    async def mark_send(self, result: SendResult) -> None:
        """Note what an attempt came to, under the lock."""
        await self._connection.execute(statement("sends", "mark"), result._asdict())

    async def hold_again(self, message_id: int, why: str, now: datetime) -> None:
        """Let a message that was to be sent on wait for a person; one that somebody has placed since stays there."""
        parameters = {"message_id": message_id, "explanation": why, "now": now}
        await self._connection.execute(statement("sends", "hold_again"), parameters)

    async def _do(self, name: str, parameters: Mapping[str, object]) -> None:
        await self._connection.execute(statement("outbound", name), parameters)

    async def _read(self, name: str, parameters: Mapping[str, object]) -> list[TupleRow]:
        cursor = await self._connection.execute(statement("outbound", name), parameters)
        return await cursor.fetchall()


class OutboundStore(RoutingStore):
    """Answers' transactions on a pool."""

    def transaction(self) -> AbstractAsyncContextManager[OutboundTransaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        return self._opened(OutboundTransaction)
