"""The PostgreSQL log: a partitioned topic log in PostgreSQL, so that one machine needs no broker.

A publish takes its offsets from the partition's row and keeps the row locked until its commit, so offsets become
visible in order and a reader never skips a record that commits late. Needs PostgreSQL 14 or later, and connections that
keep their session (LISTEN, settings): no pooler in transaction mode.
"""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from bus.port import LoadPositions, PartitionState
from bus.postgres_consumer import PostgresConsumer
from bus.postgres_group import Membership
from bus.postgres_publisher import Bounds, PostgresPublisher
from bus.postgres_session import Session, Timeouts, run
from bus.postgres_statements import log_statement
from bus.postgres_topics import Topics

__all__ = ["LEASE_SECONDS", "MIGRATIONS", "Bounds", "PostgresLog", "Timeouts"]

MIGRATIONS = Path(__file__).parent / "migrations"
LEASE_SECONDS = 10.0
TRIM_CHUNK = 5_000


class PostgresLog:
    """One engine of `bus.port.Log`. `lease` is how long a member may be silent, in seconds."""

    def __init__(
        self,
        *,
        conninfo: str,
        timeouts: Timeouts | None = None,
        bounds: Bounds | None = None,
        lease: float = LEASE_SECONDS,
    ) -> None:
        self._conninfo = conninfo
        self._timeouts = timeouts or Timeouts()
        self._bounds = bounds or Bounds()
        self._lease = lease
        self._session = self._new_session("log")
        self._topics = Topics(session=self._session)
        self._publisher: PostgresPublisher | None = None
        self._consumers: list[PostgresConsumer] = []

    async def ensure_topic(self, topic: str, *, partitions: int, retention_hours: float) -> None:
        """Create the topic if it is missing; raise the number of partitions if it is lower."""
        async with self._session.use() as connection, connection.transaction():
            given = {"name": topic, "retention_hours": retention_hours}
            topic_id = (await run(connection, log_statement("create_topic"), given))[0]["id"]
            await run(connection, log_statement("create_partitions"), {"topic_id": topic_id, "partitions": partitions})
        self._topics.forget(topic)

    async def publisher(self) -> PostgresPublisher:
        """Give the publisher: one for all callers, so that they share transactions."""
        if self._publisher is None:
            session = self._new_session("publisher")
            self._publisher = PostgresPublisher(topics=self._topics, session=session, bounds=self._bounds)
            self._publisher.start()
        return self._publisher

    async def consumer(self, topic: str, *, group: str, load_positions: LoadPositions) -> PostgresConsumer:
        """Join the group; raises `BusUnavailableError` when the topic is missing or PostgreSQL does not answer."""
        found = await self._topics.get(topic)
        session = self._new_session(f"member of {group}")
        membership = Membership(topic=found, group=group, session=session, lease=self._lease)
        await membership.join()
        consumer = PostgresConsumer(
            topic=found,
            group=group,
            membership=membership,
            session=self._new_session(f"reader of {group}"),
            load_positions=load_positions,
        )
        self._consumers.append(consumer)
        return consumer

    async def partitions(self, topic: str) -> Sequence[PartitionState]:
        """Give the state of every partition, ascending."""
        where = {"topic_id": (await self._topics.get(topic)).id}
        return [PartitionState(**row) for row in await self._session.rows(log_statement("partition_states"), where)]

    async def identity(self, topic: str) -> str:
        """Give cluster and topic; looked up anew, because either may have been replaced."""
        self._topics.forget(topic)
        return (await self._topics.get(topic)).identity

    async def ping(self) -> None:
        """Raise `BusUnavailableError` unless the log's tables answer."""
        await self._session.rows(log_statement("ping"))

    async def trim(self, topic: str, *, keep_hours: float, floor: Mapping[int, int]) -> int:
        """Delete records older than `keep_hours` and below the slowest stored offset; give how many.

        `floor` holds that offset of each partition; a partition that is not in it loses nothing.
        """
        topic_id = (await self._topics.get(topic)).id
        total = 0
        for partition, lowest in sorted(floor.items()):
            where = {"topic_id": topic_id, "partition": partition}
            limits = {"floor": lowest, "keep_hours": keep_hours, "chunk": TRIM_CHUNK}
            while (gone := await self._trim_chunk(where, limits)) > 0:
                total += gone
        return total

    async def close(self) -> None:
        """Store what waits, leave all groups, let go of every connection. Calling it again does nothing."""
        publisher, self._publisher = self._publisher, None
        consumers, self._consumers = self._consumers, []
        await asyncio.gather(*(consumer.close() for consumer in consumers))
        if publisher is not None:
            await publisher.close()
        await self._session.close()

    async def _trim_chunk(self, where: dict[str, int], limits: dict[str, float]) -> int:
        """Delete a chunk and move the partition's first offset; its row stays locked only for the second."""
        async with self._session.use() as connection, connection.transaction():
            old = (await run(connection, log_statement("oldest"), {**where, **limits}))[0]
            if old["first"] is None or old["first"] == old["until"]:
                return 0
            await run(connection, log_statement("delete_records"), {**where, **old})
            await run(connection, log_statement("move_first"), {**where, "until": old["until"]})
            return int(old["until"] - old["first"])

    def _new_session(self, purpose: str) -> Session:
        return Session(conninfo=self._conninfo, timeouts=self._timeouts, purpose=purpose)
