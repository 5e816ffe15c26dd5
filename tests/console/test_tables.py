import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table

from console import tables
from console.safe_text import paragraphs, plain


def shown(made: Table, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(made)
    return out.getvalue()


TICKET: dict[str, Any] = {
    "number": "1234567897",
    "status": "open",
    "subject": "[bold]Printer[/bold] на столе",
    "requester": "ana@example.org",
    "account": "support",
    "channel": "mail",
    "message_count": 1200,
}


def test_a_ticket_stands_in_one_row_with_all_its_columns() -> None:
    row = next(line for line in shown(tables.table(tables.TICKETS, [TICKET])).splitlines() if "1234567897" in line)
    assert row.split() == [
        "1234567897",
        "open",
        *TICKET["subject"].split(),
        "ana@example.org",
        "support",
        "mail",
        "1,200",
    ]


def test_markup_in_a_subject_is_text() -> None:
    assert "[bold]Printer[/bold]" in shown(tables.table(tables.TICKETS, [TICKET]))


def test_a_sender_cannot_move_the_cursor_or_turn_the_text_around() -> None:
    evil = {**TICKET, "subject": "a\x1b[2Jb\rc\u202egnp.exe\nd"}
    said = shown(tables.table(tables.TICKETS, [evil]))
    assert not {"\x1b", "\r", "\u202e"} & set(said)
    assert "a [2Jb c gnp.exe d" in said


def test_an_unbalanced_ledger_says_no_loudly() -> None:
    rows = [{"account": "support", "accepted": 3, "ticketed": 2, "balanced": False}]
    assert "NO" in shown(tables.table(tables.LEDGER, rows))


def test_what_is_not_there_shows_as_nothing() -> None:
    assert "None" not in shown(tables.table(tables.SPOOL, [{"id": 7, "reason": "stranger", "subject": None}]))


def test_facts_are_names_and_values() -> None:
    assert "held messages" in shown(tables.facts({"held_messages": 3}))


def test_long_values_are_cut_with_a_mark() -> None:
    assert plain("x" * 300, limit=10) == "x" * 9 + "…"


@given(st.text())
def test_plain_text_is_one_line_without_control_characters(text: str) -> None:
    said = plain(text)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in said)
    assert len(said.splitlines()) <= 1


@given(st.text())
def test_paragraphs_keep_their_lines(text: str) -> None:
    assert len(paragraphs(text).split("\n")) == max(1, len(text.splitlines()))


def test_a_ticket_number_is_never_cut_and_an_address_stays_whole_in_80_columns() -> None:
    said = shown(tables.table(tables.TICKETS, [{**TICKET, "requester": "a.long.name@customer.example"}]), width=80)
    assert "1234567897" in said
    assert "…" not in said


def test_a_ledger_of_few_accounts_fits_80_columns_with_every_word_whole() -> None:
    rows = [{"account": "support", "ticketed": 2, "refused": 1}, {"account": "all", "accepted": 2, "balanced": True}]
    said = shown(tables.ledger(rows), width=80)
    for column in tables.LEDGER[1:]:
        assert column.heading in said
    assert "…" not in said


def test_a_ledger_of_many_accounts_has_a_row_for_each() -> None:
    said = shown(tables.ledger([{"account": f"desk-{number}", "ticketed": number} for number in range(9)]))
    assert [line.split()[0] for line in said.splitlines() if "desk" in line] == [
        f"desk-{number}" for number in range(9)
    ]


def test_facts_show_moments_and_seconds_for_people_and_say_none() -> None:
    said = shown(
        tables.facts({"oldest_at": "2026-11-22T07:51:27.050663+00:00", "age_seconds": 105.9207, "troubles": []})
    )
    assert "2026-11-22 07:51:27 UTC" in said
    assert said.split("age seconds")[1].split()[0] == "106"
    assert said.split("troubles")[1].split()[0] == "none"


def test_a_mistake_in_the_settings_keeps_its_reason_in_80_columns() -> None:
    key, where = "accounts.billing.policy.reopen_window_hours", "/etc/switchboard/somewhere/deep/switchboard.toml:12"
    row = {"level": "error", "where": where, "key": key, "reason": "should be greater than 0"}
    said = shown(tables.table(tables.PROBLEMS, [row]), width=80)
    assert {"should", "greater", "than", "error"} <= set(said.split())
