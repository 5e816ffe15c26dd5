"""The embedded engine: nothing lost, nothing twice, whoever is killed while mail keeps coming."""

import pytest
from fault_storm import check_nothing_lost_and_nothing_twice, storm
from running_daemon import running_daemon

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(420)]


def test_kills_on_the_embedded_engine_lose_nothing_and_double_nothing() -> None:
    with running_daemon() as daemon:
        ingest = lambda: daemon.kill_child("ingest")  # noqa: E731 - three victims, one line each
        route = lambda: daemon.kill_child("route")  # noqa: E731 - see above
        victims = [ingest, route, daemon.kill_postgres, route, ingest, daemon.kill_postgres, ingest, route]
        outcome = storm(daemon, [*victims, daemon.kill_postgres, route])
    check_nothing_lost_and_nothing_twice(outcome)
