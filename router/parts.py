"""Records as parts of a batch: decoded, up to a schema that this program does not know."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from router.batch import Part, Routable
from router.decode import Undecodable, UnknownSchemaError, decode, headers_json
from router.ports import LogRecord
from router.positions import Positions
from router.stored import blob_digests
from schemas.message import InboundMessage
from schemas.routing_rows import DeadLetterRow, LogPosition, MovedOffset


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record and what it holds; `reason` says why it is dead, with the SQLSTATE if PostgreSQL refused it."""

    record: LogRecord
    message: InboundMessage | None
    reason: str = ""
    sqlstate: str = ""

    @property
    def is_dead(self) -> bool:
        """Whether it will stand among the dead letters."""
        return bool(self.reason)

    def dead(self, reason: str, sqlstate: str) -> "Entry":
        """Give it as a dead letter."""
        return Entry(record=self.record, message=self.message, reason=reason, sqlstate=sqlstate)


@dataclass(slots=True, kw_only=True)
class Decoded:
    """Entries that may be routed, and partitions that must stop behind them, with the reason."""

    entries: list[Entry] = field(default_factory=list)
    stopped: dict[int, str] = field(default_factory=dict)

    def add(self, records: Iterable[LogRecord]) -> None:
        """Decode records; from an unknown schema on, a partition's records are left where they are."""
        for record in records:
            if record.partition in self.stopped:
                continue
            try:
                self.entries.append(_entry(record))
            except UnknownSchemaError as error:
                self.stopped[record.partition] = f"partition {record.partition}, offset {record.offset}: {error}"


def _entry(record: LogRecord) -> Entry:
    found = decode(record.value, record.headers)
    if isinstance(found, Undecodable):
        return Entry(record=record, message=None, reason=found.reason)
    return Entry(record=record, message=found)


def last_positions(entries: Iterable[Entry]) -> dict[int, int]:
    """Give the next offset of every partition behind these entries."""
    return {entry.record.partition: entry.record.offset + 1 for entry in entries}


def first_positions(entries: Sequence[Entry]) -> dict[int, int]:
    """Give the first offset of every partition in these entries."""
    return {entry.record.partition: entry.record.offset for entry in reversed(entries)}


def part_of(entries: Sequence[Entry], positions: Positions, log_identity: str, now: datetime) -> Part:
    """Make the part of a transaction."""
    after = last_positions(entries)
    moves = [MovedOffset(p, positions.expected(p, first), after[p]) for p, first in first_positions(entries).items()]
    log = LogPosition(positions.consumer, positions.topic, log_identity)
    return Part(
        log=log,
        moves=sorted(moves),
        messages=[
            Routable(message=entry.message, partition=entry.record.partition, offset=entry.record.offset)
            for entry in entries
            if entry.message is not None and not entry.is_dead
        ],
        dead=[_dead_letter(entry, log, now) for entry in entries if entry.is_dead],
    )


def _dead_letter(entry: Entry, log: LogPosition, now: datetime) -> DeadLetterRow:
    record = entry.record
    return DeadLetterRow(
        topic=log.topic,
        partition=record.partition,
        offset=record.offset,
        log_identity=log.log_identity,
        key=record.key,
        value=record.value,
        headers=headers_json(record.headers),
        account=entry.message.account if entry.message else "",
        reason=entry.reason,
        sqlstate=entry.sqlstate,
        died_at=now,
        blobs=blob_digests(entry.message) if entry.message else [],
    )
