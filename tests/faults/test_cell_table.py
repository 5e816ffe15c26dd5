"""The table of cells: each is played once, in an order that spares beginnings, and is shown however it ended."""

from itertools import pairwise

import pytest
from fault_cells import CELLS, PARTS, Fault, dealt, in_turn
from fault_report import drawn, told_of

CELL = str(CELLS[0])


def ended(outcome: str, **more: object) -> pytest.TestReport:
    given = {"nodeid": f"test_x.py::test_x[{CELL}]", "location": ("test_x.py", 1, "test_x"), "keywords": {}}
    return pytest.TestReport(**{**given, "outcome": outcome, "when": "call", "longrepr": None, **more})  # type: ignore[arg-type] # given by name


def test_the_seven_parts_are_the_whole_table() -> None:
    parts = [cell for part in range(PARTS) for cell in dealt(CELLS, part)]
    assert sorted(map(str, parts)) == sorted(map(str, CELLS))


def test_cells_in_turn_are_the_same_cells_and_nobody_is_killed_before_the_others_had_their_first_life() -> None:
    cells = in_turn(CELLS)
    assert sorted(map(str, cells)) == sorted(map(str, CELLS))
    killed = [c.process for c in cells if c.fault is Fault.KILL and c.process not in ("postgres", "broker")]
    assert all(one != other for one, other in pairwise(killed[:8]))
    assert {cell.fault for cell in cells[-4:]} == {Fault.DISK}


def test_a_cell_that_was_not_played_to_its_end_is_in_the_table_with_its_reason() -> None:
    facts = told_of(ended("failed", longrepr="not ready after 60 s\nand more"))
    assert facts is not None
    assert "not played to its end: not ready after 60 s" in " ".join(drawn([("failed", facts)]).split())


def test_other_tests_are_not_in_the_table() -> None:
    assert told_of(ended("failed", nodeid="test_x.py::test_x[other]")) is None
    assert told_of(ended("passed", when="setup")) is None
