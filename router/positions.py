"""Where this consumer stands in each partition, as far as the store is concerned."""

from collections.abc import Collection, Mapping

from router.ports import RoutingStore


class Positions:
    """Stored next offsets of the partitions of one consumer. `load` is asked on every assignment."""

    def __init__(self, *, store: RoutingStore, consumer: str, topic: str) -> None:
        self.consumer = consumer
        self.topic = topic
        self._store = store
        self._stored: set[int] = set()

    async def load(self, partitions: Collection[int]) -> Mapping[int, tuple[int, str]]:
        """Read the stored next offset and log identity of partitions that have one."""
        found = await self._store.positions(self.consumer, self.topic, partitions)
        self._stored.difference_update(partitions)
        self._stored.update(found)
        return found

    def expected(self, partition: int, first_offset: int) -> int | None:
        """Give what the store must say before these records: their first offset, or nothing at all.

        Never a remembered number: a batch fetched before the partition was lost and won again must not pass.
        """
        return first_offset if partition in self._stored else None

    def moved(self, partitions: Collection[int]) -> None:
        """Remember that these partitions have a stored offset now."""
        self._stored.update(partitions)
