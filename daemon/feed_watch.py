"""Says how a feeder fares: on the board, in the log and by a metric."""

from collections.abc import Iterable

import structlog

from daemon.health import PARTITION, Board
from daemon.metrics import FeedMetrics

_log = structlog.get_logger(__name__)


class FeedWatch:
    """What people hear of one feeder. `consumer` is its group."""

    def __init__(self, *, board: Board, metrics: FeedMetrics, consumer: str) -> None:
        self._board = board
        self._metrics = metrics
        self._consumer = consumer

    def stands(self, partition: int, why: str) -> None:
        """Say that a partition has stopped: readiness is red until it goes on."""
        _log.error("position lost", partition=partition, reason=why)
        self._board.set(PARTITION, why, name=self._name(partition))

    def goes(self, partitions: Iterable[int]) -> None:
        """Say that partitions are fed."""
        for partition in partitions:
            self._board.clear(PARTITION, name=self._name(partition))

    def skipped(self, partition: int, *, gone: int, next_offset: int) -> None:
        """Say that events are missing; the warning stays until the process ends."""
        _log.error("events skipped", consumer=self._consumer, partition=partition, gone=gone, next_offset=next_offset)
        self._metrics.skipped.labels(consumer=self._consumer, partition=str(partition)).inc(gone)
        self._board.clear(PARTITION, name=self._name(partition))
        detail = (
            f"{self._consumer}, partition {partition}: {gone} events were gone before they were read and are skipped "
            f"(off for longer than bus.tickets_hours); it goes on at offset {next_offset}"
        )
        self._board.warn(PARTITION, detail, name=self._name(partition))

    def _name(self, partition: int) -> str:
        return f"{self._consumer} {partition}"
