"""Listings show what people need, in a stable order, page by page."""

import json
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from store_rows import NUMBERS, START, StoreRows, digest

from schemas.numbers import shown
from ticket_store.dead_letters import DeadLetterError, drop_dead_letter, list_dead_letters, show_dead_letter
from ticket_store.listing import as_json
from ticket_store.spool import NotHeldError, list_spool, show_held
from ticket_store.tickets import TicketNotFoundError, list_tickets, show_ticket

Connection = AsyncConnection[tuple[Any, ...]]
NOW = START + timedelta(hours=2)
REFUSED = {"name": "video.mp4", "size": 25_000_000, "state": "refused", "reason": "over 20 MiB"}
STORED = {"name": "log.txt", "content_type": "text/plain", "size": 4, "blob": {"sha256": "ab" * 32, "size": 4}}
DECISION = {
    "rule": "ids",
    "outcome": "joined",
    "explanation": "it answers a message of this ticket",
    "evidence": [{"source": "in_reply_to", "relation": "known", "message_id": 1}],
    "rejected": [{"ticket": "1", "gate": "subject", "evidence": {"source": "references"}}],
}


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database, autocommit=True) as made:
        yield made


async def test_tickets_come_newest_message_first(connection: Connection, rows: StoreRows) -> None:
    rows.ticket(1, minute=5)
    rows.ticket(2, minute=9, subject="Drucker druckt nicht", message_count=3)
    line, _ = await list_tickets(connection)
    assert json.loads(json.dumps(as_json(line))) == {
        "number": NUMBERS.number(2),
        "subject": "Drucker druckt nicht",
        "status": "open",
        "channel": "mail",
        "account": "support",
        "requester": "ana@example.org",
        "requester_name": "Ana",
        "message_count": 3,
        "live": False,
        "created_at": "2026-03-01T12:09:00+00:00",
        "last_message_at": "2026-03-01T12:09:00+00:00",
        "cursor": "2026-03-01T12:09:00.000000+00:00~2",
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, {1, 2, 3}),
        ({"status": "closed"}, {2}),
        ({"account": "sales"}, {3}),
        ({"requester": " Bo@Example.org "}, {1}),
        ({"status": "open", "account": "support"}, {1}),
        ({"account": "nobody"}, set()),
    ],
)
async def test_filters_hold_together(
    connection: Connection, rows: StoreRows, filters: dict[str, Any], expected: set[int]
) -> None:
    rows.ticket(1, requester_address="bo@example.org")
    rows.ticket(2, status="closed", closed_at=START)
    rows.ticket(3, account="sales")
    assert {line.number for line in await list_tickets(connection, **filters)} == {*map(NUMBERS.number, expected)}


async def test_pages_give_every_ticket_once_though_times_are_equal(connection: Connection, rows: StoreRows) -> None:
    for ticket in range(1, 8):
        rows.ticket(ticket, minute=ticket // 4)
    seen: list[str] = []
    after = None
    while page := await list_tickets(connection, after=after, limit=3):
        seen += [line.number for line in page]
        after = page[-1].cursor
        rows.ticket(100 + len(seen), minute=60)
    assert seen == [NUMBERS.number(ticket) for ticket in (7, 6, 5, 4, 3, 2, 1)]


async def test_a_wrong_place_or_limit_is_refused(connection: Connection) -> None:
    with pytest.raises(ValueError, match="no place in a ticket listing"):
        await list_tickets(connection, after="yesterday")
    with pytest.raises(ValueError, match="1 to 1000 rows"):
        await list_tickets(connection, limit=0)


async def test_a_ticket_shows_messages_in_received_order_with_files_and_decisions(
    connection: Connection, rows: StoreRows
) -> None:
    rows.ticket(1)
    number = rows.ticket(2, continues_id=1)
    rows.ticket(3, continues_id=2)
    rows.message(11, ticket_id=2, minute=9, decision=DECISION, details={"text": {"overflow": {"sha256": "cd" * 32}}})
    rows.message(12, ticket_id=2, minute=3, details={"files": [REFUSED, STORED]})
    rows.message(13, ticket_id=1)
    rows.duplicate(14, original_message_id=12, kind="also_received", account="sales")
    rows.run("insert into ticket_participants values (2, %s, 'ana@example.org', 'requester')", digest("ana"))
    found = await show_ticket(connection, shown(number))
    first, second = found.messages
    assert (first.id, second.id) == (12, 11)
    assert [(file.name, file.state, file.reason, file.sha256) for file in first.files] == [
        ("video.mp4", "refused", "over 20 MiB", ""),
        ("log.txt", "stored", "", "ab" * 32),
    ]
    assert [(repeat.kind, repeat.account) for repeat in first.repeats] == [("also_received", "sales")]
    assert second.repeats == ()
    assert second.decision == DECISION
    assert (first.text_sha256, second.text_sha256) == ("", "cd" * 32)
    assert second.raw_sha256 == digest("raw 11").hex()
    assert (found.continues, found.continued_by) == (NUMBERS.number(1), [NUMBERS.number(3)])
    assert [(person.address, person.role) for person in found.participants] == [("ana@example.org", "requester")]
    assert json.loads(json.dumps(as_json(found)))["messages"][0]["files"][0]["state"] == "refused"


async def test_a_ticket_that_is_not_there_says_so(connection: Connection) -> None:
    with pytest.raises(TicketNotFoundError, match="there is no ticket"):
        await show_ticket(connection, NUMBERS.number(5))
    with pytest.raises(ValueError, match="look for a typo"):
        await show_ticket(connection, "814-960-8748")


async def test_the_spool_lists_the_oldest_first_with_its_age(connection: Connection, rows: StoreRows) -> None:
    rows.held(1, minute=0)
    rows.held(2, minute=60, reason="stranger", account="sales", subject="Re: Rechnung")
    first, second = await list_spool(connection, now=NOW)
    assert (first.id, first.reason, first.age_seconds) == (1, "unmatched_reply", 7200)
    assert (second.subject, second.sender, second.age_seconds) == ("Re: Rechnung", "ana@example.org", 3600)
    assert [line.id for line in await list_spool(connection, now=NOW, reason="stranger")] == [2]
    assert [line.id for line in await list_spool(connection, now=NOW, account="support")] == [1]
    assert [line.id for line in await list_spool(connection, now=NOW, after_id=1)] == [2]


async def test_a_held_message_shows_evidence_and_suggestions(connection: Connection, rows: StoreRows) -> None:
    rows.held(1, decision=DECISION, details={"problem": "too deep", "files": [REFUSED]})
    rows.run("""update spool set suggestions = '[{"ticket": "42", "why": "same sender"}]'""")
    found = await show_held(connection, 1, now=NOW)
    assert found.message.id == 1
    assert found.explanation == "Why"
    assert found.suggestions == [{"ticket": "42", "why": "same sender"}]
    assert found.decision["rejected"] == DECISION["rejected"]
    assert (found.text, found.problem, found.files[0].state) == ("Text 1", "too deep", "refused")
    assert found.raw_sha256 == digest("raw 1").hex()


async def test_a_message_that_is_not_held_says_so(connection: Connection, rows: StoreRows) -> None:
    rows.message(1, state="noted")
    with pytest.raises(NotHeldError, match="message 1 is not held"):
        await show_held(connection, 1, now=NOW)


async def test_dead_letters_are_listed_shown_and_dropped(connection: Connection, rows: StoreRows) -> None:
    first = rows.dead_letter(5, value=b'{"x": "\xff"}')
    second = rows.dead_letter(6, account="sales")
    assert [letter.id for letter in await list_dead_letters(connection)] == [first, second]
    assert [letter.offset for letter in await list_dead_letters(connection, account="sales")] == [6]
    await drop_dead_letter(connection, first)
    assert [letter.id for letter in await list_dead_letters(connection, after_id=0)] == [second]
    assert [letter.state for letter in await list_dead_letters(connection, state=None)] == ["dropped", "open"]
    found = await show_dead_letter(connection, first)
    assert (found.letter.size, found.key, found.text) == (13, b"key", '{"x": "\ufffd"}')
    with pytest.raises(DeadLetterError, match=f"{first} is not open but dropped"):
        await drop_dead_letter(connection, first)
    with pytest.raises(DeadLetterError, match="no dead letter 999"):
        await show_dead_letter(connection, 999)
