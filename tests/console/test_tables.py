import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from console import tables
from console.safe_text import paragraphs, plain


def shown(made: RenderableType, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(made)
    return out.getvalue()


TICKET: dict[str, Any] = {
    "number": "1234567897",
    "status": "open",
    "subject": "[bold]Printer[/bold] на столе",
    "requester_name": "Ana",
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
        "Ana",
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


def test_a_customer_whose_name_is_a_novel_leaves_room_for_the_rest() -> None:
    said = shown(tables.table(tables.TICKETS, [{**TICKET, "requester_name": "Ana " * 90}]))
    assert said.count("Ana") < 15
    assert "ana@example.org" in said


NAMES = {"id", "number", "ticket", "prefix"}
"""What people type to name a row: it never stays away."""
LISTINGS = {
    name: columns
    for name, columns in vars(tables).items()
    if isinstance(columns, tuple) and columns and isinstance(columns[0], tables.Column) and name != "LEDGER"
}
LONG: dict[str, Any] = {
    "id": 1_234_567,
    "number": "458-736-4465",
    "ticket": "458-736-4465",
    "prefix": "sb_a1b2c3d4e5",
    "state": "published",
    "type": "ticket.message_revised",
    "channel": "telegram",
    "account": "a-shop-with-a-long-name",
    "reason": "unmatched_reply",
    "delivered": "119 min",
    "rules": "12/0/3",
    "status": "open, live",
    "choice": "undecided",
    "sqlstate": "22P05",
    "desk": "old-desk",
    "level": "warning",
}
WORDS = "a sentence of several words that nobody would put into one line of a terminal"


@pytest.mark.parametrize("name", LISTINGS)
def test_every_listing_fits_80_columns_and_keeps_what_names_its_rows_whole(name: str) -> None:
    row: dict[str, Any] = {}
    for column in LISTINGS[name]:
        usual = "2026-11-22T07:51:27+00:00" if column.key.endswith("_at") else WORDS if column.ratio else 12_345
        row[column.key] = LONG.get(column.key, usual)
    said = shown(tables.table(LISTINGS[name], [row]), width=80)
    assert all(len(line) <= 80 for line in said.splitlines())
    away = said.partition("no room for:")[2]
    for column in LISTINGS[name]:
        if column.ratio is None and column.heading not in away:
            value = row[column.key]
            assert any(whole in said for whole in (str(value), f"{value:,}" if isinstance(value, int) else said))
    assert not {column.key for column in LISTINGS[name] if column.spare} & NAMES


def test_what_there_is_no_room_for_is_named_and_nothing_is_where_all_fits() -> None:
    row = {**TICKET, "account": "a-shop-with-a-long-name"}
    narrow = shown(tables.table(tables.TICKETS, [row]), width=80)
    assert "no room for: account, channel, messages (--json has all)" in narrow
    assert "no room" not in shown(tables.table(tables.TICKETS, [row]))


def test_a_ledger_of_many_accounts_fits_80_columns_too() -> None:
    said = shown(tables.ledger([{"account": f"desk-{number}", "in_flight": 1} for number in range(9)]), width=80)
    assert all(len(line) <= 80 for line in said.splitlines())
    assert all(f"desk-{number}" in said for number in range(9))
    assert "in flight" in said
    assert "…" not in said


def test_a_ledger_of_many_accounts_has_a_row_for_each_where_there_is_room() -> None:
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
