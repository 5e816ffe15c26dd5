"""Says when a topic has more partitions than keys go over: somebody added some, or lowered the setting."""

import structlog

from bus.port import Log
from daemon.health import PARTITION, Board
from daemon.settings import BusSettings

_log = structlog.get_logger(__name__)


class PartitionWatch:
    """Compares both topics with `bus.partitions`. Only on Kafka: the other engine uses all that its tables name."""

    def __init__(self, *, log: Log, settings: BusSettings, board: Board) -> None:
        self._log = log
        self._settings = settings
        self._board = board
        self._said: dict[str, int] = {}

    async def look(self) -> None:
        """Warn once for each number found; the board keeps the warning while it is true."""
        if self._settings.engine == "kafka":
            for topic in (self._settings.inbound_topic, self._settings.tickets_topic):
                self._compare(topic, len(await self._log.partitions(topic)))

    def _compare(self, topic: str, found: int) -> None:
        used = self._settings.partitions
        if found <= used:
            self._said.pop(topic, None)
            self._board.calm(PARTITION, name=topic)
        elif self._said.get(topic) != found:
            self._said[topic] = found
            detail = (
                f"topic {topic} has {found} partitions, and keys go over {used} of them (bus.partitions): the others "
                f"get nothing new, and are read; to use all, set bus.partitions to {found} on every "
                "machine while nothing is in flight (docs/how-to/run-in-production.md, More partitions)"
            )
            _log.warning("partitions unused", topic=topic, partitions=found, used=used, what_to_do=detail)
            self._board.warn(PARTITION, detail, name=topic)
