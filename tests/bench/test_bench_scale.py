"""The large store of the bench is what routing would have left, only made faster."""

import psycopg
import pytest

from bench.kept import Kept
from bench.mails import RECIPIENT
from bench.scale import ratios, wrong
from bench.scale_fill import MESSAGES_A_TICKET, TABLES, Filling, fill
from bench.scale_plans import SIZES, Planned, look, read_whole
from schemas.placement import address_key, match_key
from ticket_store.instance import read_or_create
from ticket_store.numbers import TicketNumbers

TICKETS = 2_000
FILLING = Filling(tickets=TICKETS, account="support", desk=RECIPIENT)


async def prepared(url: str) -> TicketNumbers:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        return TicketNumbers(key=(await read_or_create(connection)).ticket_number_key)


@pytest.mark.postgres
async def test_a_filled_store_has_tickets_messages_ids_and_plans_as_the_router_needs_them(database: str) -> None:
    numbers = await prepared(database)
    heard: list[float] = []
    with psycopg.connect(database, autocommit=True) as connection:
        before = {row[0] for row in connection.execute("select indexname from pg_indexes where schemaname = 'public'")}
    fill(database, FILLING, lambda _, share: heard.append(share))
    with psycopg.connect(database, autocommit=True) as connection:
        counts = {name: connection.execute(f"table {name}".encode()).rowcount for name in TABLES}
        after = {row[0] for row in connection.execute("select indexname from pg_indexes where schemaname = 'public'")}
        ticket = connection.execute(
            "select number, account, requester_address, requester_key, subject_base, match_key "
            "from tickets where id = 77"
        ).fetchone()
        longest = one(connection, "select max(message_count) from tickets")
        planned = look(connection, tickets=TICKETS)
    assert heard == sorted(heard)
    assert before == after
    assert (counts["tickets"], counts["ticket_participants"]) == (TICKETS, TICKETS)
    assert {counts[name] for name in ("messages", "delivery_keys", "thread_ids")} == {TICKETS * MESSAGES_A_TICKET}
    assert ticket is not None
    number, account, address, requester, subject, match = ticket
    assert number == numbers.number(77)
    assert requester == address_key("mail", account, address)
    assert match == match_key(account, requester, subject)
    assert longest > 10 * MESSAGES_A_TICKET
    assert wrong(planned) == []
    assert {one.size for one in planned} == set(SIZES)


def one(connection: psycopg.Connection[tuple[int]], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def test_a_table_that_is_read_in_sequence_or_through_a_whole_index_is_named() -> None:
    nodes = [
        {"Node Type": "Seq Scan", "Relation Name": "tickets"},
        {"Node Type": "Index Scan", "Relation Name": "messages", "Index Name": "messages_pkey"},
        {"Node Type": "Index Scan", "Relation Name": "messages", "Index Name": "x", "Index Cond": "id = 1"},
        {"Node Type": "Seq Scan", "Relation Name": "instance"},
    ]
    assert list(read_whole({"Node Type": "Append", "Plans": nodes})) == ["tickets", "messages"]
    assert wrong([Planned(name="a.b", size=10, whole=("tickets",), rows=1.0)]) == [
        "a.b reads tickets whole in a batch of 10."
    ]


def test_the_large_store_is_compared_with_the_small_one_and_with_none() -> None:
    kept = Kept(bench="scale", title="x")
    for name, value in {
        "replies, small store": 100.0,
        "replies, large store": 85.0,
        "the mix, empty store": 200.0,
    }.items():
        kept.add(name, "messages/s", value)
    kept.add("the mix, large store", "messages/s", 150.0)
    assert ratios(kept) == ["Replies: 85% of the small store's rate (goal: 80%, reached); the mix: 75%."]
