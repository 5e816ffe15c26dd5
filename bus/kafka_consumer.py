"""A consumer on Kafka: the group says which partitions, the caller's store says where to begin, a reader fetches.

Everything happens inside `fetch`, in the caller's task. A change in the group is noticed there: what is in memory is
dropped, positions are loaded, and reading begins anew. So nothing runs beside the caller that it could race with.
"""

import asyncio
from collections.abc import Mapping, Sequence

from bus.kafka_membership import KafkaMembership
from bus.kafka_reader import KafkaReader, OutOfRangeError
from bus.kafka_settings import KafkaSettings
from bus.kafka_trouble import Janitor
from bus.kafka_wire import EARLIEST, LATEST, KafkaWire, Spot, UnsettledError
from bus.port import BusUnavailableError, LoadPositions, PositionLostError, Record, StoredPosition

LOOK_SECONDS = 0.25
"""How often a waiting fetch looks whether the group has changed."""

RENEW_SECONDS = 30.0
"""After so long without an answer the clients are made anew, from the bootstrap servers."""

NO_EPOCH = -1


class KafkaConsumer:
    """One member of a group; see `bus.port.Consumer`."""

    def __init__(
        self,
        *,
        settings: KafkaSettings,
        wire: KafkaWire,
        janitor: Janitor,
        topic: str,
        group: str,
        load_positions: LoadPositions,
    ) -> None:
        self._settings = settings
        self._janitor = janitor
        self._wire = wire
        self._topic = topic
        self._group = group
        self._load = load_positions
        self._identity = ""
        self._lost: list[PositionLostError] = []
        self._epoch = NO_EPOCH
        self._membership: KafkaMembership | None = None
        self._reader: KafkaReader | None = None
        self._failing_since: float | None = None
        self._closed = False

    @property
    def log_identity(self) -> str:
        """Cluster and topic."""
        return self._identity

    async def start(self) -> None:
        """Learn the topic's identity and begin to join the group. Raises `BusUnavailableError`."""
        self._identity = (await self._wire.topic(self._topic)).identity
        await self._clients()

    async def fetch(self, *, max_records: int, max_wait: float) -> Sequence[Record]:
        """Give the next records, waiting at most `max_wait` seconds for the first; see `bus.port.Consumer`."""
        if self._closed:
            raise BusUnavailableError("the consumer is closed")
        until = asyncio.get_running_loop().time() + max_wait
        try:
            records = await self._fetch(max_records, until)
        except BusUnavailableError:
            await self._failed()
            raise
        except BaseException:
            self._rewind()
            raise
        self._failing_since = None
        return records

    async def seek(self, positions: Mapping[int, int]) -> None:
        """Move positions of partitions still assigned; a stopped one stays stopped."""
        if self._reader is not None:
            self._reader.seek(positions)

    async def pause(self, partition: int) -> None:
        """Stop one partition until it is assigned anew."""
        if self._reader is not None:
            self._reader.pause(partition)

    async def mirror(self, positions: Mapping[int, int]) -> None:
        """Commit offsets to the group, for lag tools; trouble is nothing."""
        if self._membership is not None:
            await self._membership.commit(positions)

    async def close(self) -> None:
        """Leave the group and disconnect."""
        self._closed = True
        await self._drop_clients()

    async def _fetch(self, max_records: int, until: float) -> list[Record]:
        membership, reader = await self._clients()
        membership.alive()
        records: list[Record] = []
        while not records:
            await self._follow(membership, reader)
            if self._lost:
                raise self._lost.pop(0)
            left = until - asyncio.get_running_loop().time()
            records = await self._look(membership, reader, max_records, max(0.0, min(left, LOOK_SECONDS)))
            if left <= 0:
                break
        await self._verify(reader)
        if membership.assignment.epoch != self._epoch:
            return []  # taken away meanwhile; what we read is somebody else's, or will be read again
        reader.keep(records)
        return records

    async def _look(
        self, membership: KafkaMembership, reader: KafkaReader, max_records: int, max_wait: float
    ) -> list[Record]:
        if not reader.active:
            await membership.assignment.wait(max_wait)
            return []
        try:
            return await reader.read(max_records=max_records, max_wait=max_wait)
        except OutOfRangeError as error:
            for partition, offset in sorted(error.partitions.items()):
                self._lost.append(self._out_of_range(partition, offset, "what the log has kept"))
            return []

    async def _follow(self, membership: KafkaMembership, reader: KafkaReader) -> None:
        """Adopt what the group has given us since the last look."""
        assignment = membership.assignment
        while assignment.epoch != self._epoch:
            epoch, partitions = assignment.epoch, assignment.partitions or frozenset()
            reader.assign({})
            self._lost = []
            starts, lost = await self._starts(partitions) if partitions else ({}, [])
            if assignment.epoch == epoch:
                reader.assign(starts)
                self._lost = lost
                self._epoch = epoch

    async def _starts(self, partitions: frozenset[int]) -> tuple[dict[int, int], list[PositionLostError]]:
        """Where to begin in each partition, and which have lost their position."""
        metadata, (first, following) = await self._wire.spots(self._topic, EARLIEST, LATEST)
        if not partitions <= first.keys():
            raise UnsettledError(f"the group gave partitions of {self._topic} that brokers do not know yet")
        self._identity = metadata.identity
        stored = await self._load(self._topic, partitions)
        starts, lost = {}, []
        for partition in sorted(partitions):
            problem = self._problem(partition, stored.get(partition), first[partition], following[partition])
            if problem is not None:
                lost.append(problem)
            else:
                at = stored.get(partition)
                starts[partition] = at.next_offset if at else first[partition].offset
        return starts, lost

    def _problem(
        self, partition: int, stored: StoredPosition | None, first: Spot, following: Spot
    ) -> PositionLostError | None:
        if stored is None:
            return None
        if stored.log_identity != self._identity:
            return self._another_log(partition, stored.log_identity)
        if not first.offset <= stored.next_offset <= following.offset:
            return self._out_of_range(partition, stored.next_offset, f"{first.offset} to {following.offset}")
        return None

    async def _verify(self, reader: KafkaReader) -> None:
        """Ask whether the topic is still the one we know: offsets of another of the same name mean nothing.

        Asked after reading, so that what was read is of the topic we know; and it tells whether brokers answer.
        """
        identity = (await self._wire.topic(self._topic)).identity
        if identity != self._identity:
            self._lost = [self._another_log(partition, self._identity) for partition in sorted(reader.assigned)]
            reader.assign({})
            if self._lost:
                raise self._lost.pop(0)
            self._identity = identity

    def _another_log(self, partition: int, known: str) -> PositionLostError:
        return self._position_lost(
            partition, f"the stored offset belongs to another log ({known}; this one is not): cluster or topic are new"
        )

    def _out_of_range(self, partition: int, offset: int, kept: str) -> PositionLostError:
        return self._position_lost(partition, f"the stored offset {offset} is outside of {kept}: records are gone")

    def _position_lost(self, partition: int, what: str) -> PositionLostError:
        advice = "see what was lost, then set or delete the group's stored offset of this partition"
        text = f"{self._topic}, partition {partition}: {what}; {advice}"
        return PositionLostError(text, topic=self._topic, partition=partition)

    def _rewind(self) -> None:
        if self._reader is not None:
            self._reader.rewind()

    async def _failed(self) -> None:
        """Nothing that was read has been given away: read it again. After a long silence, start from nothing."""
        self._rewind()
        now = asyncio.get_running_loop().time()
        self._failing_since = self._failing_since or now
        ended = self._membership is not None and self._membership.ended
        if ended or now - self._failing_since > RENEW_SECONDS:
            self._failing_since = now
            await self._drop_clients()

    async def _clients(self) -> tuple[KafkaMembership, KafkaReader]:
        if self._membership is None or self._reader is None:
            await self._drop_clients()
            self._membership = KafkaMembership(
                settings=self._settings, topic=self._topic, group=self._group, janitor=self._janitor
            )
            self._reader = KafkaReader(settings=self._settings, topic=self._topic, janitor=self._janitor)
            try:
                await self._reader.start()
                await self._membership.join()
            except BaseException:
                await self._drop_clients()
                raise
        return self._membership, self._reader

    async def _drop_clients(self) -> None:
        membership, self._membership = self._membership, None
        reader, self._reader = self._reader, None
        self._epoch = NO_EPOCH
        self._lost = []
        if membership is not None:
            await membership.leave()
        if reader is not None:
            await reader.close()
