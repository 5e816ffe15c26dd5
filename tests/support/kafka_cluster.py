"""Three Kafka brokers that are one cluster: each is broker and controller, so one may be lost and the rest goes on."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kafka_broker import KafkaBroker, new_nodes
from kafka_leaders import Standing, standing

BROKERS: Final = 3
COPIES: Final = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "transaction.state.log.min.isr": "2",
    "broker.session.timeout.ms": "3000",
    "auto.leader.rebalance.enable": "false",  # leaders move when a test says so
    "controlled.shutdown.enable": "true",
    "num.replica.fetchers": "1",
}
"""What differs from a broker that is alone."""
SETTLE_SECONDS: Final = 60.0


class KafkaCluster:
    """All brokers of one cluster. A broker's number is its place in `brokers` and one more."""

    def __init__(self, *, jars: Path, folder: Path) -> None:
        nodes = new_nodes(BROKERS)
        voters = {"controller.quorum.voters": ",".join(node.vote for node in nodes)}
        self.brokers = tuple(
            KafkaBroker(jars=jars, folder=folder / f"broker-{node.number}", settings=COPIES | voters, node=node)
            for node in nodes
        )
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        """Start whoever does not run, all at once: none serves before two of three are there."""
        new = [broker for broker in self.brokers if broker.pid is None]
        for broker in new:
            broker.launch()
        for broker in new:
            broker.wait_started()

    def stop(self) -> None:
        """End all. Killed: whoever is last could not hand its partitions to anybody."""
        for broker in self.brokers:
            broker.kill()

    def standing(self) -> Standing:
        """Say who leads what and which copies are in sync, as a broker that runs sees it."""
        return asyncio.run(standing(self._running))

    def wait(self, true: Callable[[Standing], bool], *, what: str, seconds: float = SETTLE_SECONDS) -> float:
        """Look until it is true of the cluster, and give the seconds that this took."""
        began = time.monotonic()
        while not true(self.standing()):
            assert time.monotonic() - began < seconds, f"not {what} after {seconds} s: {self.standing()}"
            time.sleep(0.1)
        return time.monotonic() - began

    def wait_in_sync(self) -> float:
        """Wait until every partition has all of its copies in sync."""
        return self.wait(lambda now: now.in_sync == BROKERS, what="in sync")

    def wait_led_otherwise(self, before: Mapping[str, Mapping[int, int]]) -> float:
        """Wait until a partition has another leader than before."""
        return self.wait(lambda now: now.leaders != before, what="led by others")

    @property
    def _running(self) -> str:
        return ",".join(broker.bootstrap for broker in self.brokers if broker.pid is not None)


@contextmanager
def kafka_cluster(jars: Path, folder: Path) -> Iterator[KafkaCluster]:
    """Give a started cluster, and take it down."""
    cluster = KafkaCluster(jars=jars, folder=folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
