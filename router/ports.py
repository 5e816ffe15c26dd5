"""What the router needs of other rooms. Satisfied in `daemon/wiring.py`."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from router.conversation_ports import ConversationTransaction
from schemas.changes import Changes
from schemas.dead_letter_rows import StoredDeadLetter
from schemas.legacy import OldIdRow, OldKey, OldTicketRow
from schemas.outbound_rows import SpokenRow
from schemas.placement import Fault
from schemas.revision_rows import HoldRow, RevisableRow
from schemas.routing_rows import (
    HeldMessageRow,
    IdKey,
    KnownRow,
    LogPosition,
    MovedOffset,
    ParticipantRow,
    QuotedRow,
    ReachedRow,
    ThreadRow,
    TicketRow,
)
from schemas.sending_rows import SentRow

QuotedLookup = tuple[str, bytes, bytes]
"""Scope, digest, and the key of an address."""


class KeyRow(Protocol):
    """A signing key of the installation."""

    @property
    def id(self) -> int: ...  # noqa: D102 - the names say it
    @property
    def secret(self) -> bytes: ...  # noqa: D102 - see above
    @property
    def retired(self) -> bool: ...  # noqa: D102 - see above


class RoutingTransaction(ConversationTransaction, Protocol):
    """One open transaction. The order of calls is the order of locks."""

    async def move_offsets(self, log: LogPosition, moves: Sequence[MovedOffset]) -> bool:
        """Compare and set; False when any partition is not where it was expected: then nothing may be committed."""
        ...

    async def message_ids(self, count: int) -> Sequence[int]:
        """Take numbers for messages, ascending."""
        ...

    async def reserve_message_ids(self, count: int) -> None:
        """Make sure that `next_message_id` can be asked this often."""
        ...

    def next_message_id(self) -> int:
        """Take the number of a message of ours."""
        ...

    async def reserve_ticket_ids(self, count: int) -> None:
        """Make sure that `next_ticket_id` can be asked this often."""
        ...

    def next_ticket_id(self) -> int:
        """Take the id of a new ticket."""
        ...

    def ticket_number(self, ticket_id: int) -> str:
        """Give the public number of a ticket."""
        ...

    async def claim_deliveries(self, keys: Mapping[bytes, int]) -> Mapping[bytes, int | None]:
        """Claim delivery keys for messages; give those that were taken before, with their message."""
        ...

    async def lock_ids(self, keys: Collection[IdKey]) -> Sequence[ThreadRow]:
        """Create what is missing, then lock all, both in sorted order."""
        ...

    async def lock_matches(self, matches: Collection[bytes]) -> None:
        """Lock senders and subjects, so that two messages of one sender are not decided at the same time."""
        ...

    async def reached_from(self, keys: Collection[IdKey]) -> Sequence[ReachedRow]:
        """Find held messages that answer messages with these own ids, transitively, with all their ids.

        At most so many (`routing.sql`, `reached_held`): what answers beyond that stays in the spool.
        """
        ...

    async def lock_held(self, message_ids: Collection[int]) -> Sequence[HeldMessageRow]:
        """Lock held messages; those that are not held any more are absent."""
        ...

    async def known(self, message_ids: Collection[int]) -> Sequence[KnownRow]:
        """Read messages."""
        ...

    async def quoted(self, lookups: Collection[QuotedLookup]) -> Sequence[QuotedRow]:
        """Read who quoted an id."""
        ...

    async def open_matches(self, matches: Collection[bytes]) -> Sequence[int]:
        """Find open tickets by account, sender and subject: the latest few of each."""
        ...

    async def tickets_by_numbers(self, numbers: Collection[str]) -> Mapping[str, int]:
        """Find tickets by their public numbers."""
        ...

    async def spoken_on(self, ticket_ids: Collection[int]) -> Sequence[tuple[int, SpokenRow]]:
        """Read the latest messages on tickets, the newest first, each with its ticket's id."""
        ...

    async def lock_sends(self, message_ids: Collection[int]) -> Sequence[SentRow]:
        """Lock messages of ours that were sent or shall be, and read them."""
        ...

    async def old_ids(self, digests: Collection[bytes]) -> Sequence[OldIdRow]:
        """Find old desks' tickets by ids that their exports name."""
        ...

    async def old_tickets(self, keys: Collection[OldKey]) -> Sequence[OldTicketRow]:
        """Read old desks' tickets."""
        ...

    async def lock_tickets(self, ticket_ids: Collection[int]) -> Sequence[tuple[TicketRow, str | None]]:
        """Lock tickets, those into which they were merged, and open ones that follow any of them, by id.

        Each comes with the number of the ticket that it follows.
        """
        ...

    async def participants(self, ticket_ids: Collection[int]) -> Sequence[ParticipantRow]:
        """Read who takes part in tickets."""
        ...

    async def hold_anew(self, row: HoldRow) -> None:
        """Keep why a locked held message stays held now."""
        ...

    async def revisable(self, message_ids: Collection[int], *, lock: bool) -> Sequence[RevisableRow]:
        """Read where messages stand, and who has read them; `lock` them, behind their tickets."""
        ...

    async def held_message(self, message_id: int) -> HeldMessageRow | None:
        """Read a held message without locking it; None if it is not held (any more)."""
        ...

    async def whereabouts(self, message_id: int) -> tuple[str, str] | None:
        """Give a message's state and the number of its ticket ("" without one)."""
        ...

    async def ticket_id(self, number: str) -> int | None:
        """Find a ticket by its public number."""
        ...

    async def looked_at(self, message_id: int) -> None:
        """Let a held message wait until there is something new."""
        ...

    async def look_later(self, message_id: int, at: datetime) -> None:
        """Let a held message that waits for a second look wait until then, unless something new comes before."""
        ...

    async def revive(self, dead_letter_id: int) -> bool:
        """Take an open dead letter out of the list; False when it is not there."""
        ...

    async def write(self, changes: Changes) -> None:
        """Write everything that was decided."""
        ...


class LogRecord(Protocol):
    """One record of the topic. Offsets of one partition are dense."""

    @property
    def partition(self) -> int: ...  # noqa: D102 - the names say it
    @property
    def offset(self) -> int: ...  # noqa: D102 - see above
    @property
    def key(self) -> bytes: ...  # noqa: D102 - see above
    @property
    def value(self) -> bytes: ...  # noqa: D102 - see above
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...  # noqa: D102 - see above
    @property
    def stored_at(self) -> datetime: ...  # noqa: D102 - see above


class LogConsumer(Protocol):
    """One member of a group that reads the inbound topic."""

    @property
    def log_identity(self) -> str:
        """Cluster and topic, as an opaque string; stored beside offsets."""
        ...

    async def fetch(self, *, max_records: int, max_wait: float) -> Sequence[LogRecord]:
        """Give the next records: partitions ascending, offsets ascending, gapless. `max_wait` in seconds."""
        ...

    async def seek(self, positions: Mapping[int, int]) -> None:
        """Go back (or on) to these next offsets, for partitions still assigned."""
        ...

    async def pause(self, partition: int) -> None:
        """Stop fetching one partition until it is assigned anew."""
        ...

    async def mirror(self, positions: Mapping[int, int]) -> None:
        """Tell the log how far the store is. Best effort."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogErrors:
    """Errors of the log's engine: `position_lost` has a `partition`; both have a message that says what to do."""

    unavailable: type[Exception]
    position_lost: type[Exception]


class Health(Protocol):
    """Hears what makes the router unable to work. Readiness is red while any trouble stands."""

    def trouble(self, what: str, message: str) -> None:
        """Say that something is wrong, as often as one likes; `what` names it for `well`."""
        ...

    def well(self, what: str) -> None:
        """Say that it is over, or that it never was."""
        ...


class Metrics(Protocol):
    """Hears what was done."""

    def routed(self, outcome: str, rule: str, count: int) -> None:
        """Count records that ended so."""
        ...

    def phase(self, name: str, seconds: float) -> None:
        """Say how long a batch was in decode, lock_and_read, decide or write."""
        ...

    def lag(self, partition: int, seconds: float) -> None:
        """Say how long the newest routed record of a partition had been in the log."""
        ...


class RoutingStore(Protocol):
    """Makes transactions and judges their failures."""

    def transaction(self) -> AbstractAsyncContextManager[RoutingTransaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        ...

    async def positions(self, consumer: str, topic: str, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """Give the stored next offset and log identity of partitions that have one."""
        ...

    async def signing_keys(self) -> tuple[UUID, Sequence[KeyRow]]:
        """Give the installation's id and its keys, the oldest first."""
        ...

    async def to_look_at(self, *, now: datetime, limit: int) -> Sequence[int]:
        """Give held messages that shall be decided anew, the longest due first."""
        ...

    async def dead_letter(self, dead_letter_id: int) -> StoredDeadLetter | None:
        """Read an open dead letter."""
        ...

    async def failed_again(self, dead_letter_id: int, reason: str, sqlstate: str) -> None:
        """Keep why a dead letter failed this time."""
        ...

    def fault_of(self, error: Exception) -> tuple[Fault, str]:
        """Say whose fault a failure is, and its SQLSTATE if it has one."""
        ...
