"""The embedded engine: nothing lost, nothing twice, whoever is killed while mail keeps coming (C46 of the contract)."""

import pytest
from fault_storm import Victims, check_nothing_lost_and_nothing_twice, storm
from running_daemon import running_daemon

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(420)]


def test_kills_on_the_embedded_engine_lose_nothing_and_double_nothing() -> None:
    with running_daemon() as daemon:
        kill = Victims(daemon)
        first = [kill.ingest, kill.route, kill.postgres, kill.route, kill.ingest]
        outcome = storm(daemon, [*first, kill.postgres, kill.ingest, kill.route, kill.postgres, kill.route])
    check_nothing_lost_and_nothing_twice(outcome)
