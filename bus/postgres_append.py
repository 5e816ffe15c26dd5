"""Stores a batch of publishes in one statement, and finds the one record that PostgreSQL refuses."""

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from bus.port import BusUnavailableError, Header, NewRecord, Place, RecordRefusedError
from bus.postgres_session import RecordFaultError, Session
from bus.postgres_statements import log_statement
from bus.postgres_topics import Topic

MAX_RECORD_BYTES = 8 * 1024 * 1024
"""Key, value and headers together."""

USUAL_BYTES = 256
"""Headers up to this length are remembered: nearly all records of a topic have the same."""

Slot = tuple[int, int]
"""Topic id and partition."""


@dataclass(slots=True, kw_only=True)
class Publish:
    """One call of `publish`, ready to be stored; `done` gets its places."""

    topic: Topic
    records: Sequence[NewRecord]
    headers: Sequence[str]
    partitions: Sequence[int]
    size: int
    done: "asyncio.Future[Sequence[Place]]" = field(repr=False)

    def slots(self) -> Iterable[Slot]:
        """Give the slot of each record."""
        return ((self.topic.id, partition) for partition in self.partitions)

    def one(self, index: int) -> "Publish":
        """Give a publish of one of the records alone."""
        return prepare(self.topic, [self.records[index]])

    def finish(self, places: Sequence[Place]) -> None:
        """Tell the caller, if there still is one."""
        if not self.done.done():
            self.done.set_result(places)

    def fail(self, error: Exception) -> None:
        """Tell the caller what went wrong, if there still is one."""
        if not self.done.done():
            self.done.set_exception(error)
            self.done.exception()  # seen: a caller that was cancelled never asks


def prepare(topic: Topic, records: Sequence[NewRecord]) -> Publish:
    """Do all work that needs no lock; raises `RecordRefusedError` for a record over the size limit."""
    headers = [encode_headers(record.headers) for record in records]
    sizes = [len(record.key) + len(record.value) + len(text) for record, text in zip(records, headers, strict=True)]
    for index, size in enumerate(sizes):
        if size > MAX_RECORD_BYTES:
            raise RecordRefusedError(f"a record of {size} bytes is over the limit of {MAX_RECORD_BYTES}", index=index)
    return Publish(
        topic=topic,
        records=records,
        headers=headers,
        partitions=[topic.partition_of(record.key) for record in records],
        size=sum(sizes),
        done=asyncio.get_running_loop().create_future(),
    )


def encode_headers(headers: tuple[Header, ...]) -> str:
    """Give headers as ASCII JSON, each byte of a value as one Latin-1 character; any name and value survive."""
    if not headers:
        return ""
    is_usual = sum(len(value) for _, value in headers) <= USUAL_BYTES
    return _encoded(headers) if is_usual else _encoded.__wrapped__(headers)


def decode_headers(text: str) -> tuple[Header, ...]:
    """Give back what `encode_headers` was given."""
    if not text:
        return ()
    return _decoded(text) if len(text) <= USUAL_BYTES else _decoded.__wrapped__(text)


@lru_cache(maxsize=64)
def _encoded(headers: tuple[Header, ...]) -> str:
    return json.dumps([(name, value.decode("latin-1")) for name, value in headers])


@lru_cache(maxsize=64)
def _decoded(text: str) -> tuple[Header, ...]:
    return tuple((name, value.encode("latin-1")) for name, value in json.loads(text))


class Appender:
    """Stores batches; every publish of a batch is answered when `store` returns."""

    def __init__(self, *, session: Session) -> None:
        self._session = session

    async def store(self, batch: Sequence[Publish]) -> None:
        """Store together what can be stored, and answer each publish."""
        try:
            firsts = await self._append(batch)
        except RecordFaultError as error:
            await self._isolate(batch, error)
        except BusUnavailableError as error:
            for publish in batch:
                publish.fail(BusUnavailableError(str(error)))
        else:
            _answer(batch, firsts)

    async def _isolate(self, batch: Sequence[Publish], error: RecordFaultError) -> None:
        """Halve the batch until the refused record's publish stands alone."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self.store(batch[:middle])
            await self.store(batch[middle:])
        elif len(batch[0].records) > 1:
            await self._one_by_one(batch[0])
        else:
            batch[0].fail(RecordRefusedError(str(error), index=0))

    async def _one_by_one(self, publish: Publish) -> None:
        """Store the records before the refused one, and name it."""
        places: list[Place] = []
        for index in range(len(publish.records)):
            single = publish.one(index)
            await self.store([single])
            try:
                places.extend(await single.done)
            except RecordRefusedError as error:
                return publish.fail(RecordRefusedError(str(error), index=index))
            except BusUnavailableError as error:
                return publish.fail(error)
        return publish.finish(places)

    async def _append(self, batch: Sequence[Publish]) -> dict[Slot, int]:
        rows = await self._session.rows(log_statement("append"), _parameters(batch))
        return {(row["topic_id"], row["partition"]): row["first"] for row in rows}


def _parameters(batch: Sequence[Publish]) -> dict[str, list[int] | list[bytes] | list[str]]:
    slots = [slot for publish in batch for slot in publish.slots()]
    counts = Counter(slots)
    wanted = sorted(counts)
    number = {slot: index for index, slot in enumerate(wanted, start=1)}
    records = [record for publish in batch for record in publish.records]
    return {
        "topics": [topic for topic, _ in wanted],
        "partitions": [partition for _, partition in wanted],
        "counts": [counts[slot] for slot in wanted],
        "record_slots": [number[slot] for slot in slots],
        "ranks": _ranks(slots),
        "keys": [record.key for record in records],
        "values": [record.value for record in records],
        "headers": [text for publish in batch for text in publish.headers],
    }


def _ranks(slots: Iterable[Slot]) -> list[int]:
    """Give each record its number within its slot, from 0, in the order of the batch."""
    seen: Counter[Slot] = Counter()
    ranks = []
    for slot in slots:
        ranks.append(seen[slot])
        seen[slot] += 1
    return ranks


def _answer(batch: Sequence[Publish], firsts: dict[Slot, int]) -> None:
    free = dict(firsts)
    for publish in batch:
        slots = list(publish.slots())
        if any(slot not in free for slot in slots):
            publish.fail(BusUnavailableError(f"topic {publish.topic.name} was removed or created anew"))
            continue
        places = []
        for slot in slots:
            places.append(Place(partition=slot[1], offset=free[slot]))
            free[slot] += 1
        publish.finish(places)
