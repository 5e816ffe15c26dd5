"""One or two brokers of three are struck while something is held at a point of one process."""

import time
from collections.abc import Callable

import pytest
from fault_cells import INGEST, STORED, Cell, Fault
from fault_held import held_at, wait_held
from fault_machines import Machines
from fault_play import Played
from fault_report import tell
from kafka_broker import KafkaBroker

pytestmark = [
    pytest.mark.faults,
    pytest.mark.matrix,
    pytest.mark.postgres,
    pytest.mark.kafka,
    pytest.mark.timeout(420),
]

PATIENCE = 90.0
MEANWHILE = 12
"""Messages that are accepted while one broker is away, at least."""


def struck(process: str, fault: Fault, *points: str) -> list[Cell]:
    return [Cell(bus="three", process=process, point=point, fault=fault) for point in points]


STRIKES = [
    *struck("one-broker", Fault.KILL, "before the publish", STORED, "before the ack"),
    *struck("one-broker", Fault.KILL, "between revoke and assign", "after the fetch", "before the mirror"),
    *struck("one-broker", Fault.KILL, "relay: after the claim", "relay: after the publish"),
    *struck("one-broker", Fault.STOP, "before the publish", "after the fetch", "relay: after the claim"),
    *struck("two-brokers", Fault.KILL, "before the publish", STORED, "before the mirror", "relay: after the publish"),
]


@pytest.mark.parametrize("strike", STRIKES, ids=str)
def test_nothing_is_lost_and_nothing_stands_twice_with_three_brokers(
    machines_up: Machines, strike: Cell, stop_seconds: float, record_property: Callable[[str, object], None]
) -> None:
    began = time.monotonic()
    where = "ingest-1" if strike.point in (*INGEST, STORED) else "route-1"
    with machines_up.sending() as senders:
        first = machines_up.cluster.standing().coordinator - 1
        brokers = [*machines_up.cluster.brokers, *machines_up.cluster.brokers][first : first + 3]
        victims = brokers[: 1 if strike.process == "one-broker" else 2]
        with held_at(machines_up.control, strike.point, where) as count:
            if strike.point == "between revoke and assign":
                machines_up.processes["route-2"].kill()
            hits = wait_held(count)
            begin(strike.fault, victims)
        if len(victims) == 1:
            senders.wait_accepted(MEANWHILE, seconds=PATIENCE)
        end(strike.fault, machines_up, victims, stop_seconds - (time.monotonic() - began))
    tell(
        record_property,
        Played(
            cell=strike,
            hits=hits,
            accepted=len(senders.accepted),
            again=senders.failures,
            seconds=time.monotonic() - began,
            findings=(),
        ),
    )
    assert hits > 0


def begin(fault: Fault, victims: list[KafkaBroker]) -> None:
    for broker in victims:
        if fault is Fault.KILL:
            broker.kill()
        else:
            broker.freeze()


def end(fault: Fault, machines_up: Machines, victims: list[KafkaBroker], seconds: float) -> None:
    if fault is Fault.STOP:
        time.sleep(max(0.0, seconds))
        for broker in victims:
            broker.thaw()
    machines_up.cluster.start()
    machines_up.cluster.wait_in_sync()
    machines_up.revive()
