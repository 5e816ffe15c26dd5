"""What is asked of a cluster that has nobody to answer."""

import pytest
from aiokafka.client import AIOKafkaClient

from bus.kafka_wire import UnsettledError, nodes_in_turn


async def test_a_cluster_that_names_no_broker_is_asked_again_shortly() -> None:
    knows_nobody_yet = AIOKafkaClient(bootstrap_servers="127.0.0.1:1")
    with pytest.raises(UnsettledError, match="no broker"):
        nodes_in_turn(knows_nobody_yet)
