"""Which cells of the fault matrix are played, and the table of them at the end of a run."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from fault_cells import APART, CELLS, PARTS, Cell, dealt, part_of_commit
from fault_play import LONG_STOP, SHORT_STOP, Played, Stages
from fault_stage import kafka_stage, stage
from rich.console import Console
from rich.table import Table

PROPERTY = "fault cell"
WIDTH = 150


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that say how many cells are played, and how long a stop is."""
    parser.addoption(
        "--stop-seconds",
        type=float,
        help="seconds for which a cell stops a process; default: a minute with --cells=all",
    )
    parser.addoption(
        "--cells", default="commit", help=f"cells of the fault matrix: all, commit (a {PARTS}th), or 0 to {PARTS - 1}"
    )


def chosen(option: str) -> Sequence[Cell]:
    """Give the cells that an option names."""
    if option == "all":
        return CELLS
    if option != "commit" and option not in map(str, range(PARTS)):
        raise pytest.UsageError(f"--cells is all, commit, or a number from 0 to {PARTS - 1}; not {option}")
    return dealt(CELLS, part_of_commit() if option == "commit" else int(option))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the cells that are not of this run."""
    of_cells = [item for item in items if item.get_closest_marker("matrix") and "cell" in callspec(item)]
    wanted = set(chosen(config.getoption("--cells")))
    left_out = [item for item in of_cells if callspec(item)["cell"] not in wanted]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        gone = set(left_out)
        items[:] = [item for item in items if item not in gone]


def callspec(item: pytest.Item) -> dict[str, Any]:
    """Give the parameters of a test."""
    spec = getattr(item, "callspec", None)
    return dict(spec.params) if spec else {}


@pytest.fixture
def stop_seconds(request: pytest.FixtureRequest) -> float:
    """Give for how long a process is stopped: a minute in the whole matrix."""
    usual = LONG_STOP if request.config.getoption("--cells") == "all" else SHORT_STOP
    return request.config.getoption("--stop-seconds") or usual


@pytest.fixture(scope="module")
def embedded_stages() -> Iterator[Stages]:
    """Give where cells of the embedded engine are played."""
    stages = Stages(lambda small: stage(small=small))
    yield stages
    stages.close()


@pytest.fixture(scope="module")
def kafka_stages(kafka_jars: Path) -> Iterator[Stages]:
    """Give where cells with Kafka are played, each stage with a broker of its own."""
    stages = Stages(lambda small: kafka_stage(kafka_jars, small=small))
    yield stages
    stages.close()


def tell(record: Callable[[str, object], None], played: Played) -> None:
    """Keep a line of the table."""
    facts = {
        "cell": str(played.cell),
        "hits": played.hits,
        "accepted": played.accepted,
        "again": played.again,
        "seconds": round(played.seconds, 1),
        "findings": [f"{finding.kind}: {finding.what}" for finding in played.findings],
    }
    record(PROPERTY, json.dumps(facts))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table, when any cell was played."""
    rows = [
        (outcome, facts)
        for outcome, reports in terminalreporter.stats.items()
        for report in reports
        if isinstance(report, pytest.TestReport) and (facts := told_of(report))
    ]
    if rows:
        terminalreporter.write_sep("=", "fault matrix")
        terminalreporter.write(drawn(rows))


def told_of(report: pytest.TestReport) -> dict[str, Any] | None:
    """Give what was told of a cell, or, when it was not played to its end, why not; None of any other test."""
    if report.passed and report.when != "call":
        return None
    cell = report.nodeid.partition("[")[2].rstrip("]")
    told = dict(report.user_properties).get(PROPERTY)
    if told is None and cell not in map(str, CELLS):
        return None
    if told is not None:
        facts: dict[str, Any] = json.loads(str(told))
        return facts
    why = f"not played to its end: {_first_line(report)}"
    nothing = {"cell": cell, "hits": "?", "accepted": "?", "again": "?"}
    return {**nothing, "seconds": report.duration, "findings": [why]}


def _first_line(report: pytest.TestReport) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(getattr(crash, "message", report.longrepr)).partition("\n")[0][:200]


def drawn(rows: list[tuple[str, dict[str, Any]]]) -> str:
    """Draw the table: cell, what was held there when it was struck, what came of it, seconds."""
    table = Table("cell", "hits", "accepted", "tried again", "outcome", "seconds")
    for outcome, facts in sorted(rows, key=lambda row: row[1]["cell"]):
        what = outcome if not facts["findings"] else "; ".join(facts["findings"][:3])
        numbers = [str(facts[name]) for name in ("hits", "accepted", "again")]
        table.add_row(facts["cell"], *numbers, what, f"{facts['seconds']:.1f}")
    apart = Table("no cell", "because")
    for what, why in APART.items():
        apart.add_row(what, why)
    paper = io.StringIO()
    console = Console(file=paper, width=WIDTH)
    console.print(table)
    if len(rows) > len(CELLS) // PARTS + 1:
        console.print(apart)
    return paper.getvalue()
