"""Membership of a consumer group: which partitions are ours now. It fetches nothing.

aiokafka's own consumer begins to fetch from the group's committed offsets before its listener has run. Here the group
only says who reads what; where to begin is asked of the store, and another client does the reading. So the
coordinator is used without the consumer around it.
"""

import asyncio
from collections.abc import Mapping

from aiokafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from bus.kafka_settings import KafkaSettings, client_options
from bus.kafka_trouble import Janitor, answers_within, let_go
from bus.port import BusUnavailableError

MIRROR_SECONDS = 2.0
LEAVE_SECONDS = 3.0
HEARTBEATS_A_SESSION = 4


class Assignment:
    """What the group gave us. `epoch` rises with every change; `partitions` is None while the group is deciding."""

    def __init__(self) -> None:
        self.epoch = 0
        self.partitions: frozenset[int] | None = None
        self._changed = asyncio.Event()

    def change(self, partitions: frozenset[int] | None) -> None:
        """Take note of a change and wake who waits for one."""
        self.epoch += 1
        self.partitions = partitions
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return at the next change, or when the time is over."""
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka ships no types
    """Told by the coordinator; never blocks it."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002 - eager: all are revoked
        self._assignment.change(None)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._assignment.change(frozenset(each.partition for each in assigned))


class KafkaMembership:
    """One member of a group that reads one topic."""

    def __init__(self, *, settings: KafkaSettings, topic: str, group: str, janitor: Janitor) -> None:
        self._settings = settings
        self._janitor = janitor
        self._topic = topic
        self._group = group
        self.assignment = Assignment()
        self._client = AIOKafkaClient(**client_options(settings))
        self._subscription = SubscriptionState()
        self._coordinator: GroupCoordinator | None = None

    async def join(self) -> None:
        """Connect and begin to join; the assignment comes later. Raises `BusUnavailableError`."""
        patience = self._settings.request_timeout
        async with answers_within(patience):
            await self._janitor.start(self._client.bootstrap(), self._client.close, patience=patience)
            await self._client.set_topics((self._topic,))
        self._subscription.register_fetch_waiters(set())
        self._subscription.subscribe({self._topic}, listener=_Listener(self.assignment))
        session = round(self._settings.session_timeout * 1000)
        self._coordinator = GroupCoordinator(
            self._client,
            self._subscription,
            group_id=self._group,
            session_timeout_ms=session,
            rebalance_timeout_ms=session,
            heartbeat_interval_ms=session // HEARTBEATS_A_SESSION,
            max_poll_interval_ms=round(self._settings.poll_timeout * 1000),
            enable_auto_commit=False,
            assignors=(RoundRobinPartitionAssignor,),
        )

    def alive(self) -> None:
        """Say that the owner still fetches. Raises `BusUnavailableError` when the coordinator reports trouble."""
        with self._subscription.fetch_context():  # what the poll time-out is measured by
            try:
                if self._coordinator is not None:
                    self._coordinator.check_errors()
            except KafkaError as error:
                raise BusUnavailableError(f"group {self._group}: {type(error).__name__}") from error

    @property
    def ended(self) -> bool:
        """Whether it cannot go on and a new one must join."""
        task = self._coordinator._coordination_task if self._coordinator else None  # noqa: SLF001 - no public way
        return task is None or task.done()

    async def commit(self, positions: Mapping[int, int]) -> None:
        """Tell the group how far we are, for lag tools; trouble is nothing."""
        current = self._subscription.subscription
        assignment = current.assignment if current else None
        if assignment is None or self._coordinator is None:
            return
        offsets = {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "")
            for partition, offset in positions.items()
            if TopicPartition(self._topic, partition) in assignment.tps
        }
        if offsets:
            await let_go(self._coordinator.commit_offsets(assignment, offsets), seconds=MIRROR_SECONDS)

    async def leave(self) -> None:
        """Leave the group at once, so that the others need not wait for the session to expire."""
        if self._coordinator is not None:
            await let_go(self._coordinator.close(), seconds=LEAVE_SECONDS)
        await let_go(self._client.close())
