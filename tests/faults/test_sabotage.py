"""The checks of the fault matrix notice each way in which the promises could be broken: with a switch on, they are red.

The switches are of the tests (`fault_sabotage`); the shipped program has none. "no blob sync" stands with the power
loss, because a killed process loses nothing that it wrote.
"""

from collections.abc import Iterator

import pytest
from fault_cells import Cell, Fault
from fault_play import play
from fault_stage import Stage, stage

pytestmark = [pytest.mark.faults, pytest.mark.postgres, pytest.mark.timeout(420)]

SETTLE = 5.0
"""Seconds until what is missing is called lost."""


@pytest.fixture(scope="module")
def one_stage() -> Iterator[Stage]:
    """Give one stage for all: each test looks at messages of its own. What looks at the ledger comes first."""
    with stage() as made:
        yield made


def struck(process: str, point: str, fault: Fault) -> Cell:
    return Cell(bus="embedded", process=process, point=point, fault=fault)


@pytest.mark.parametrize(
    ("switch", "cell", "red"),
    [
        ("no fence", struck("router", "after the fetch", Fault.STOP), "ledger"),
        ("relay after the last", struck("router", "before the commit", Fault.STOP), "event"),
        ("claims without gates", struck("router", "after the commit", Fault.KILL), "ticket"),
        ("no unique key", struck("ingest", "before the ack", Fault.KILL), "twice"),
        ("ack before store", struck("ingest", "before the blob", Fault.KILL), "lost"),
        ("offsets outside the transaction", struck("router", "after the claims", Fault.KILL), "lost"),
    ],
)
def test_the_checks_are_red_where_a_promise_is_broken(one_stage: Stage, switch: str, cell: Cell, red: str) -> None:
    on = one_stage.control / f"sabotage-{switch}"
    on.touch()
    try:
        played = play(one_stage, cell, settle_seconds=SETTLE)
    finally:
        on.unlink()
    assert played.hits > 0
    assert red in {finding.kind for finding in played.findings}
