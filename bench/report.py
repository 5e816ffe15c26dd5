"""Figures as people compare them: medians of several runs, their spread, and ratios taken within one session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

RULE: Final = "---"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured thing over all runs; all values are in one unit."""

    name: str
    unit: str
    values: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.values)

    @property
    def spread(self) -> float:
        """Half the distance from lowest to highest, as a share of the median: how far to trust the figure."""
        return (max(self.values) - min(self.values)) / 2 / self.middle if self.middle else 0.0


def figures_table(figures: Sequence[Figure], *, yardstick: Figure | None = None) -> str:
    """Give a Markdown table: median, lowest, highest, spread, and the ratio to the yardstick where the units agree."""
    head = ["what", "unit", "median", "lowest", "highest", "spread", "ratio"]
    return table(head, [_row(figure, yardstick) for figure in figures])


def _row(figure: Figure, yardstick: Figure | None) -> list[str]:
    comparable = yardstick is not None and yardstick.unit == figure.unit
    ratio = f"{figure.middle / yardstick.middle:.2f}" if comparable and yardstick is not None else ""
    shown = [number(value) for value in (figure.middle, min(figure.values), max(figure.values))]
    return [figure.name, figure.unit, *shown, f"±{figure.spread:.0%}", ratio]


def shares_table(title: str, parts: Mapping[str, float], *, mails: int) -> str:
    """Give a Markdown table of where seconds went: in all, a mail in milliseconds, and the share of their sum."""
    whole = sum(parts.values()) or 1.0
    ordered = sorted(parts.items(), key=lambda part: -part[1])
    rows = [[name, f"{value:.2f}", f"{value / mails * 1000:.3f}", f"{value / whole:.0%}"] for name, value in ordered]
    return table([title, "seconds", "ms a mail", "share"], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Give a Markdown table whose columns also line up as plain text."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, [RULE.ljust(width, "-") for width in widths], *rows]
    return "\n".join(_line(line, widths) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def number(value: float) -> str:
    """Show a figure with three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
