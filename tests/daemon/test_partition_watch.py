"""A topic with more partitions than `bus.partitions`: said once, with what to do."""

from typing import Any, Literal

from structlog.testing import capture_logs

from daemon.clock import now
from daemon.health import Board
from daemon.partition_watch import PartitionWatch
from daemon.settings import BusSettings


class Topics:
    """A log that says only how many partitions its topics have."""

    def __init__(self, **numbers: int) -> None:
        self.numbers = numbers

    async def partitions(self, topic: str) -> list[int]:
        return list(range(self.numbers[topic]))


def watch_of(topics: Topics, board: Board, engine: Literal["postgres", "kafka"] = "kafka") -> PartitionWatch:
    settings = BusSettings.model_construct(
        engine=engine, inbound_topic="inbound", tickets_topic="tickets", partitions=8
    )
    log: Any = topics
    return PartitionWatch(log=log, settings=settings, board=board)


async def test_partitions_that_keys_do_not_use_are_said_once_with_what_to_do() -> None:
    topics, board = Topics(inbound=12, tickets=8), Board(clock=now)
    watch = watch_of(topics, board)
    with capture_logs() as logs:
        await watch.look()
        await watch.look()
    assert [(line["log_level"], line["topic"], line["partitions"], line["used"]) for line in logs] == [
        ("warning", "inbound", 12, 8)
    ]
    assert len(board.warnings) == 1
    assert "set bus.partitions to 12 on every machine while nothing is in flight" in board.warnings[0].detail
    assert list(board) == []


async def test_partitions_that_are_added_while_it_runs_are_said_then() -> None:
    topics, board = Topics(inbound=8, tickets=8), Board(clock=now)
    watch = watch_of(topics, board)
    await watch.look()
    assert list(board.warnings) == []
    topics.numbers["tickets"] = 9
    await watch.look()
    assert "tickets has 9 partitions" in board.warnings[0].detail
    topics.numbers["tickets"] = 8
    await watch.look()
    assert list(board.warnings) == []


async def test_the_log_in_postgresql_uses_all_that_it_has() -> None:
    board = Board(clock=now)
    await watch_of(Topics(inbound=12, tickets=12), board, engine="postgres").look()
    assert list(board.warnings) == []
