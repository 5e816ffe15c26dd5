"""The table of statements: the dearest by name, all others together, in shares of one mail."""

from bench.statements import PLACES, Spent, shown


def spent(query: str, milliseconds: float) -> Spent:
    return Spent(query=query, calls=10, rows=10, milliseconds=milliseconds, wal=2_000.0, blocks=50.0)


def test_a_statement_is_known_by_its_beginning_and_counted_for_each_mail() -> None:
    lines = shown(
        [spent("-- what it does\nselect\n   a | b from t", 30.0), spent("select 2", 10.0)], mails=100
    ).splitlines()
    assert [cell.strip() for cell in lines[2].strip("|").split("|")] == [
        "select a / b from t",
        "10",
        "300.0",
        "75.0%",
        "3,000",
        "5",
        "20",
    ]


def test_what_has_no_line_of_its_own_stands_together_at_the_end() -> None:
    last = shown([spent(f"select {number}", 1.0) for number in range(PLACES + 5)], mails=100).splitlines()[-1]
    assert "5 others" in last
    assert " 50 " in last
