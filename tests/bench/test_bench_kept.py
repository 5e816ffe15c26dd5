"""What a bench found is kept as JSON and comes back as it was."""

from pathlib import Path

from bench.kept import Kept, read_kept


def kept() -> Kept:
    found = Kept(bench="x", title="Something", yardstick="sink", axes=("s", "MB"), missing=["a peer: not there"])
    found.add("sink", "mails/s", 100.0, 200.0)
    found.add("ours", "mails/s", 75.0)
    found.lines["ours"] = [(0.0, 1.5), (1.0, 2.5)]
    return found


def test_results_survive_the_file(tmp_path: Path) -> None:
    assert read_kept(kept().keep(tmp_path)) == kept()


def test_results_are_shown_with_ratios_and_with_what_is_missing() -> None:
    shown = kept().markdown()
    assert "## Something" in shown
    assert "| 0.50 " in shown
    assert "**Not measured:** a peer: not there" in shown


def test_machine_and_versions_are_noted() -> None:
    assert set(kept().machine) == {"processor", "memory", "kernel", "load average"}
    assert "switchboard" in kept().versions
