"""The report is made of what was kept; quick runs do not get into it, and what is missing is said."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench.kept import Kept
from bench.peers import PeerError, run
from bench.plot import bars, lines, shown, ticks
from bench.report_page import collect, page, write


def kept(bench: str = "mail", *, quick: bool = False) -> Kept:
    found = Kept(bench=bench, title="Mails", quick=quick, axes=("s", "MB"), database={"fsync": "on"})
    found.add("ours <&>", "mails/s", 100.0, 300.0)
    found.add("sink", "mails/s", 400.0)
    found.lines["ours"] = [(0.0, 1.0), (10.0, 250.0)]
    return found


@pytest.mark.parametrize("most", [0.0, 0.003, 1.0, 7.0, 99.9, 1_000_000.0])
def test_ticks_are_round_begin_at_zero_and_reach_the_largest(most: float) -> None:
    found = ticks(most)
    assert found[0] == 0.0
    assert found[-1] >= most - 1e-9
    assert 2 <= len(found) <= 8


def test_plots_are_well_formed_and_show_every_name() -> None:
    name = "a <&> b"
    for drawn in (bars({name: 1.0, "c": 0.0}, unit="mails/s"), lines({name: [(0, 1), (2, 3)]}, x="s", y="MB")):
        whole = ET.fromstring(drawn)  # noqa: S314 - it is our own drawing
        assert name in [node.text for node in whole.iter()]


def test_values_are_shown_short() -> None:
    assert [shown(value) for value in (0.0, 0.25, 5.0, 1234.5)] == ["0", "0.25", "5", "1,234"]


def test_a_page_names_command_machine_settings_and_what_was_not_measured() -> None:
    text, plots = page({"mail": kept()})
    for words in ("fsync on", "python", "bench/scale.py", "## Not measured yet", "200", "## Mails"):
        assert words in text
    assert set(plots) == {"mail-rates.svg", "mail-lines.svg"}
    assert all(f"(bench/{name})" in text for name in plots)


def test_quick_runs_are_left_out(tmp_path: Path) -> None:
    kept("mail").keep(tmp_path)
    kept("scale", quick=True).keep(tmp_path)
    assert set(collect(tmp_path, quick=False)) == {"mail"}
    assert set(collect(tmp_path, quick=True)) == {"mail", "scale"}


def test_plots_that_the_page_does_not_show_are_removed(tmp_path: Path) -> None:
    write("# a", {"old.svg": "<svg/>"}, tmp_path)
    write("# b", {"new.svg": "<svg/>"}, tmp_path)
    assert [path.name for path in (tmp_path / "bench").iterdir()] == ["new.svg"]
    assert (tmp_path / "bench.md").read_text(encoding="utf-8") == "# b"


def test_a_peer_that_cannot_be_had_says_why() -> None:
    with pytest.raises(PeerError, match="no-such-program"):
        run(["no-such-program"])
    with pytest.raises(PeerError, match="ls"):
        run(["ls", "--no-such-option"])
