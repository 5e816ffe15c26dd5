"""The fault matrix on Kafka: each cell strikes one process with something in flight at one point."""

from collections.abc import Callable

import pytest
from fault_cells import KAFKA, Cell, in_turn
from fault_play import Stages
from fault_report import tell

pytestmark = [
    pytest.mark.faults,
    pytest.mark.matrix,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(420),
]


@pytest.mark.parametrize("cell", in_turn(KAFKA), ids=str)
def test_nothing_is_lost_and_nothing_stands_twice_on_kafka(
    kafka_stages: Stages, cell: Cell, stop_seconds: float, record_property: Callable[[str, object], None]
) -> None:
    played = kafka_stages.play(cell, stop_seconds=stop_seconds)
    tell(record_property, played)
    assert played.hits > 0
    assert not played.findings
