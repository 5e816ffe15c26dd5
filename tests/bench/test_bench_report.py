"""Figures are shown as medians with their spread, and ratios only between like things."""

import pytest

from bench.report import Figure, figures_table, number, shares_table

FAST = Figure(name="fast", unit="mails/s", values=(90.0, 100.0, 130.0))
SLOW = Figure(name="slow", unit="mails/s", values=(50.0, 40.0, 60.0))
LATENCY = Figure(name="latency", unit="ms", values=(2.0,))


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_a_figure_is_its_median_and_half_its_range() -> None:
    assert (FAST.middle, FAST.spread) == (100.0, 0.2)


def test_a_row_shows_median_lowest_highest_spread_and_ratio() -> None:
    assert rows(figures_table([SLOW], yardstick=FAST))[2] == ["slow", "mails/s", "50", "40", "60", "±20%", "0.50"]


def test_unlike_units_have_no_ratio() -> None:
    assert rows(figures_table([LATENCY], yardstick=FAST))[2][-1] == ""


def test_all_lines_of_a_table_are_equally_long() -> None:
    assert len({len(line) for line in figures_table([FAST, SLOW, LATENCY]).splitlines()}) == 1


def test_shares_are_of_the_sum_and_the_largest_stands_first() -> None:
    shown = rows(shares_table("phase", {"decide": 1.0, "write": 3.0}, mails=1000))
    assert shown[2:] == [["write", "3.00", "3.000", "75%"], ["decide", "1.00", "1.000", "25%"]]


@pytest.mark.parametrize(("value", "shown"), [(1234.5, "1,234"), (99.96, "100"), (1.2345, "1.23"), (0.0, "0")])
def test_numbers_have_three_digits_that_matter(value: float, shown: str) -> None:
    assert number(value) == shown
