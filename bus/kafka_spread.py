"""Which partition a key chooses. It stays the same while partitions are added behind our back (decision 0031)."""

from collections.abc import Collection, Sequence

from aiokafka.partitioner import DefaultPartitioner

from bus.kafka_wire import UnsettledError


class Spread:
    """Over how many partitions of a topic keys go: as many as were asked for, however many there are."""

    def __init__(self) -> None:
        self._numbers: dict[str, Sequence[int]] = {}
        self._choose = DefaultPartitioner()

    def ask(self, topic: str, partitions: int) -> None:
        """Take note of how many were asked for; never fewer than before."""
        if partitions > len(self._numbers.get(topic, ())):
            self._numbers[topic] = range(partitions)

    def partition_of(self, topic: str, key: bytes, known: Collection[int]) -> int:
        """Give the partition of a key; of a topic for which nobody asked, over all that are known.

        Raises `UnsettledError` where the client does not know the partition yet.
        """
        numbers = self._numbers.get(topic) or sorted(known)
        partition: int = self._choose(key, numbers, numbers)
        if partition not in known:
            raise UnsettledError(f"partition {partition} of {topic} is not known yet")
        return partition
