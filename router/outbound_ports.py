"""What answering and sending need of other rooms, beside what routing does. Satisfied in `daemon/wiring.py`."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from router.ports import KeyRow, RoutingTransaction
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
from schemas.placement import Fault


class OutboundTransaction(RoutingTransaction, Protocol):
    """One open transaction. The order of locks is the router's."""

    async def spoken(self, ticket_id: int) -> Sequence[SpokenRow]:
        """Read the latest messages of a ticket and of those merged into it, the newest first."""
        ...

    async def conversation(self, ticket_id: int, scope: str, sender_keys: Collection[bytes]) -> ConversationRow | None:
        """Give where one of these people last wrote on a ticket; None when no message of theirs has a conversation."""
        ...

    async def said(self, message_id: int) -> SaidRow | None:
        """Read what became of a message of ours."""
        ...

    async def bounced(self, ticket_id: int, addresses: Collection[str]) -> Mapping[str, str]:
        """Give those of these addresses (lower case) that refused our latest mail on this ticket, with the reason."""
        ...

    async def set_merge(self, ticket_id: int, *, into: int | None, at: datetime) -> None:
        """Let a locked ticket go on as another one, or by itself."""
        ...

    async def set_requester(self, ticket_id: int, party: Party, *, key: bytes, match: bytes) -> None:
        """Say whose a locked ticket is; who was the requester takes part no more."""
        ...

    async def dismiss(self, ticket_id: int, address_keys: Collection[bytes], *, role: str = "") -> None:
        """Let people take part in a locked ticket no more; with a role, only those who have it."""
        ...

    async def dismiss_merged(self, ticket_id: int, address_keys: Collection[bytes]) -> None:
        """Let those take part in a locked ticket no more who do so by merges alone, and by none that stands."""
        ...

    async def dismiss_brought(self, ticket_id: int, address_keys: Collection[bytes], *, than: int) -> None:
        """Let those take part in a locked ticket no more whom no other message than this one has brought in."""
        ...

    async def placed_message(self, message_id: int) -> PlacedMessageRow | None:
        """Read a message on a ticket, and where it stands; locks nothing."""
        ...

    async def wrote_more(self, ticket_id: int, sender: bytes, *, than: int) -> bool:
        """Say whether somebody has other messages on a ticket than this one."""
        ...

    async def put_back(self, row: PutBackRow) -> None:
        """Let a message on a ticket wait in the spool, with the ids that it quotes."""
        ...

    async def lock_send(self, send: DueSend) -> Sequence[Mapping[str, Any]] | None:
        """Lock a claimed send, after its ticket, and give its recipients; None when the claim was lost."""
        ...

    async def mark_send(self, result: SendResult) -> None:
        """Note what an attempt came to, under the lock."""
        ...

    async def hold_again(self, message_id: int, why: str, now: datetime) -> None:
        """Let a message that was to be sent on wait for a person."""
        ...


class OutboundStore(Protocol):
    """Makes transactions and judges their failures."""

    async def signing_keys(self) -> tuple[UUID, Sequence[KeyRow]]:
        """Give the installation's id and its keys, the oldest first."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[OutboundTransaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        ...

    def fault_of(self, error: Exception) -> tuple[Fault, str]:
        """Say whose fault a failure is, and its SQLSTATE if it has one."""
        ...


class SendQueue(Protocol):
    """What is to be sent. Every call is one transaction."""

    async def claim(self, *, rooms: Mapping[str, int], now: datetime, until: datetime) -> Sequence[DueSend]:
        """Take so many due sends of each lane; nobody else gets them before `until`."""
        ...

    async def extend(self, sends: Sequence[DueSend], *, until: datetime) -> None:
        """Keep claimed sends for longer."""
        ...

    async def give_back(self, sends: Sequence[DueSend], *, due_at: datetime, problem: str) -> None:
        """Let claimed sends be due again then; this attempt does not count."""
        ...

    async def keep_raw(self, message_id: int, *, sha256: str, size: int) -> bool:
        """Name the bytes of a message of ours, which lie in the blob store already; False when it has others."""
        ...
