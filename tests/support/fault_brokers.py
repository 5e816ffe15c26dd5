"""Fixtures of three brokers with the machines around them, and which strikes against them are played.

kafka_of_three     a started cluster of three brokers (module)
shared_machines    the processes around it (module)
machines_up        the same, with every broker and every process there, whatever the test before has done (function)

`make test` plays none of the strikes at points, `make test-faults` all of them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fault_cells import PARTS
from fault_machines import Machines, machines
from kafka_cluster import KafkaCluster, kafka_cluster

FILE = "test_brokers_at_points"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the strikes that are not of this run."""
    ours = [item for item in items if FILE in item.nodeid]
    option = str(config.getoption("--cells"))
    seventh = ours[int(option) % PARTS :: PARTS] if option.isdecimal() else []
    gone = set(ours) - set(ours if option == "all" else seventh)
    if gone:
        config.hook.pytest_deselected(items=list(gone))
        items[:] = [item for item in items if item not in gone]


@pytest.fixture(scope="module")
def kafka_of_three(kafka_jars: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Give one cluster to all tests of a module."""
    with kafka_cluster(kafka_jars, tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest.fixture(scope="module")
def shared_machines(kafka_of_three: KafkaCluster) -> Iterator[Machines]:
    """Give the processes around it to all tests of a module."""
    with machines(kafka_of_three) as made:
        yield made


@pytest.fixture
def machines_up(shared_machines: Machines) -> Machines:
    """Give them with everybody there."""
    for broker in shared_machines.cluster.brokers:
        broker.thaw()
    shared_machines.cluster.start()
    shared_machines.cluster.wait_in_sync()
    shared_machines.revive()
    return shared_machines
