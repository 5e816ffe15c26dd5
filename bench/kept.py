"""Results of each bench as JSON under `bench/out`, from which the report is made: one bench can be run again alone."""

import json
import os
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.machine import machine, versions
from bench.report import Figure, figures_table

OUT: Final = Path(os.environ.get("BENCH_OUT") or Path(__file__).parent / "out")
"""Tests name another folder, so that they never replace figures."""
QUICK: Final = ".quick"


@dataclass(kw_only=True)
class Kept:
    """What one bench found. `values` are figures of all runs; `lines` are series to plot; `words` are said as they are.

    `yardstick` names the figure to which others of its unit are compared. `missing` says what could not be measured.
    """

    bench: str
    title: str
    quick: bool = False
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    yardstick: str = ""
    lines: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    axes: tuple[str, str] = ("", "")
    words: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    database: dict[str, str] = field(default_factory=dict)
    command: str = field(default_factory=lambda: shlex.join(["python", *_shown(sys.argv)]))
    machine: dict[str, str] = field(default_factory=machine)
    versions: dict[str, str] = field(default_factory=versions)
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="minutes"))

    def add(self, name: str, unit: str, *values: float) -> None:
        """Take a figure of one run, or of several."""
        self.values.setdefault(unit, {}).setdefault(name, []).extend(values)

    def figures(self) -> list[Figure]:
        """Give all figures, unit by unit."""
        return [
            Figure(name=name, unit=unit, values=tuple(found))
            for unit, names in self.values.items()
            for name, found in names.items()
        ]

    def markdown(self) -> str:
        """Give heading, table, words, and what is missing."""
        figures = self.figures()
        yardstick = next((figure for figure in figures if figure.name == self.yardstick), None)
        parts = [f"## {self.title}", figures_table(figures, yardstick=yardstick)] if figures else [f"## {self.title}"]
        return "\n\n".join([*parts, *self.words, *(f"**Not measured:** {words}" for words in self.missing)])

    def keep(self, folder: Path = OUT) -> Path:
        """Write it down, in place of an earlier one of this bench; a quick run never replaces a whole one."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.bench}{QUICK if self.quick else ''}.json"
        path.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")
        return path


def read_kept(path: Path) -> Kept:
    """Read what `keep` wrote."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    found["lines"] = {name: [(x, y) for x, y in line] for name, line in found["lines"].items()}
    found["axes"] = tuple(found["axes"])
    return Kept(**found)


def _shown(words: Sequence[str]) -> list[str]:
    """Give the command line without this machine's folders."""
    script = Path(words[0])
    return [f"bench/{script.name}" if script.parent.name == "bench" else script.name, *words[1:]]
