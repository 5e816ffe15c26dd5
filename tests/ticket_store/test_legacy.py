"""Old desks' tickets in the store: imported as often as one likes, bound by people, found by held messages."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable
from store_rows import START, StoreRows, digest

from schemas.legacy import BoundRow, ImportedTicket, old_ticket_key
from ticket_store.legacy import (
    OldTicketNotFoundError,
    bind_legacy,
    choose_forwarding,
    choose_ticket,
    continued_by,
    forget_choice,
    list_old_tickets,
    of_requester,
    show_old_ticket,
)
from ticket_store.legacy_import import LegacyImport, stage, store_staged
from ticket_store.tickets import TicketNotFoundError

Connection = AsyncConnection[tuple[Any, ...]]
NOW = START + timedelta(hours=2)


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    async with await AsyncConnection.connect(database, autocommit=True) as made:
        yield made


def line(number: str, **values: Any) -> ImportedTicket:
    given = {"history": [], "digests": [], "opened_at": None, **values}
    texts = dict.fromkeys(("requester_address", "requester_name", "subject", "status"), "")
    return ImportedTicket(**{"number": number, "requester_key": None, **texts, **given})


async def imported(database: str, *lines: ImportedTicket, desk: str = "otrs") -> LegacyImport:
    async with await AsyncConnection.connect(database, autocommit=True) as connection:
        total = await stage(connection, lines)
        return await store_staged(
            connection, total, desk=desk, scopes={"support"}, now=NOW, progress=lambda _done: None
        )


async def test_an_import_twice_is_an_import_once(database: str, connection: Connection) -> None:
    lines = [line("42", subject="Printer", digests=[digest("a"), digest("b")]), line("7")]
    assert await imported(database, *lines) == LegacyImport(new=2, known=0, message_ids=2, woken=0)
    assert await imported(database, *lines) == LegacyImport(new=0, known=2, message_ids=0, woken=0)
    assert [(old.number, old.subject) for old in await list_old_tickets(connection)] == [("42", "Printer"), ("7", "")]


async def test_lines_of_one_number_become_one_old_ticket_with_its_last_messages(
    database: str, connection: Connection
) -> None:
    entries = [{"at": f"2012-12-0{day}T00:00:00+00:00", "from": "", "text": f"day {day}"} for day in range(1, 8)]
    lines = [line("42", history=[entry, {"at": None, "from": "", "text": "?"}]) for entry in entries]
    lines[1] = lines[1]._replace(requester_key=digest("ana"), requester_address="ana@a.example", status="new")
    lines[5] = lines[5]._replace(requester_key=digest("bob"), requester_address="bob@b.example", status="closed")
    await imported(database, *lines)
    old = await show_old_ticket(connection, "otrs", "42")
    assert (old.requester, old.status) == ("ana@a.example", "closed")
    assert len(old.history) == 10
    assert [entry["text"] for entry in old.history][-1] == "day 7"


async def test_an_import_that_says_less_forgets_nothing(database: str, connection: Connection) -> None:
    await imported(
        database, line("42", subject="Printer", requester_key=digest("ana"), requester_address="ana@a.example")
    )
    await imported(database, line("42"))
    old = await show_old_ticket(connection, "otrs", "42")
    assert (old.subject, old.requester) == ("Printer", "ana@a.example")


async def test_a_number_means_nothing_without_its_desk(database: str, connection: Connection) -> None:
    await imported(database, line("42"))
    await imported(database, line("42", subject="Another"), desk="rt")
    assert [old.desk for old in await list_old_tickets(connection)] == ["otrs", "rt"]
    with pytest.raises(OldTicketNotFoundError):
        await show_old_ticket(connection, "rt", "43")


async def test_old_tickets_come_page_by_page(database: str, connection: Connection) -> None:
    await imported(database, *(line(str(number)) for number in range(10, 15)))
    first = await list_old_tickets(connection, limit=3)
    rest = await list_old_tickets(connection, after=(first[-1].desk, first[-1].number))
    assert [old.number for old in (*first, *rest)] == ["10", "11", "12", "13", "14"]


def hold(rows: StoreRows, message_id: int, scope: str, key: bytes) -> None:
    rows.message(message_id)
    rows.run("insert into spool values (%s, 'legacy', '', '[]', now())", message_id)
    rows.run("insert into held_ids values (%s, %s, %s)", scope, key, message_id)


def woken(rows: StoreRows) -> list[int]:
    return [row[0] for row in rows.run("select message_id from spool where look_again_at = %s order by 1", NOW)]


async def test_an_import_wakes_held_messages_that_quote_its_ids_or_name_its_numbers(
    database: str, rows: StoreRows
) -> None:
    hold(rows, 1, "support", digest("a"))
    hold(rows, 2, *old_ticket_key("support", ("otrs", "42")))
    hold(rows, 3, *old_ticket_key("support", ("rt", "42")))
    hold(rows, 4, "other", digest("a"))
    done = await imported(database, line("42", digests=[digest("a")]))
    assert (done.woken, woken(rows)) == (2, [1, 2])


async def test_a_choice_is_kept_shown_and_wakes_what_waits(connection: Connection, rows: StoreRows) -> None:
    number = rows.ticket(1)
    hold(rows, 1, *old_ticket_key("support", ("otrs", "42")))
    old = ("otrs", "42")
    assert await choose_ticket(connection, old, number, by="eva", now=NOW, scopes={"support"}) == 1
    assert woken(rows) == [1]
    (bound,) = await continued_by(connection, number)
    assert (bound.number, bound.choice, bound.chosen_by, bound.imported_at) == ("42", "ticket", "eva", None)
    await choose_forwarding(connection, old, by="eva", now=NOW, scopes=())
    assert await continued_by(connection, number) == []
    await forget_choice(connection, old, by="eva", now=NOW, scopes={"support"})
    assert (await show_old_ticket(connection, "otrs", "42")).choice == ""


async def test_a_ticket_continues_what_those_continue_that_were_merged_into_it(
    connection: Connection, rows: StoreRows
) -> None:
    first, last = rows.ticket(1), rows.ticket(2)
    await choose_ticket(connection, ("otrs", "42"), first, by="eva", now=NOW, scopes=())
    rows.run("update tickets set merged_into_id = 2, merged_at = now() where id = 1")
    assert [old.number for old in await continued_by(connection, last)] == ["42"]


async def test_the_latest_old_tickets_of_somebody_are_found(database: str, connection: Connection) -> None:
    lines = [line(str(n), requester_key=digest("ana"), opened_at=START + timedelta(days=n)) for n in range(10, 17)]
    await imported(database, *lines, line("99", requester_key=digest("bob")))
    await imported(database, line("1", requester_key=digest("ana")), desk="rt")
    found = await of_requester(connection, digest("ana"), ["otrs"])
    assert sorted(old.number for old in found) == ["12", "13", "14", "15", "16"]


async def test_an_import_leaves_choices_as_they_are(database: str, connection: Connection, rows: StoreRows) -> None:
    number = rows.ticket(1)
    await choose_ticket(connection, ("otrs", "42"), number, by="eva", now=NOW, scopes={"support"})
    await imported(database, line("42", subject="Printer"))
    assert (await show_old_ticket(connection, "otrs", "42")).ticket == number


async def test_nothing_goes_on_in_a_ticket_that_is_not_there(connection: Connection) -> None:
    with pytest.raises(TicketNotFoundError):
        await choose_ticket(connection, ("otrs", "42"), "4829173056", by="eva", now=NOW, scopes={"support"})
    with pytest.raises(OldTicketNotFoundError):
        await forget_choice(connection, ("otrs", "42"), by="eva", now=NOW, scopes={"support"})


@pytest.fixture
async def router(database: str) -> AsyncIterator[Connection]:
    """A transaction as routers have them."""
    async with await AsyncConnection.connect(database) as made:
        yield made


async def test_a_choice_waits_for_no_held_message_while_it_holds_tickets(
    connection: Connection, router: Connection, rows: StoreRows
) -> None:
    rows.ticket(1)
    hold(rows, 1, *old_ticket_key("support", ("otrs", "42")))
    hold(rows, 2, *old_ticket_key("support", ("otrs", "42")))
    await router.execute("select from spool where message_id = 1 for update")
    await connection.execute("set lock_timeout = 1000")
    async with connection.transaction():
        await connection.execute("select from tickets for update")
        awaited = (old_ticket_key("support", ("otrs", "42")),)
        await bind_legacy(connection, [BoundRow("otrs", "42", "ticket", 1, "router", NOW, awaited)])
    assert woken(rows) == [2], "what another holds is decided there; its ids are claimed by one of the two"


async def test_nobody_forgets_a_choice_while_a_router_decides_about_the_old_ticket(
    connection: Connection, router: Connection, rows: StoreRows
) -> None:
    number, old = rows.ticket(1), ("otrs", "42")
    await choose_ticket(connection, old, number, by="eva", now=NOW, scopes={"support"})
    await router.execute("select from thread_ids where digest = %s for update", [old_ticket_key("support", old)[1]])
    await connection.execute("set lock_timeout = 50")
    with pytest.raises(LockNotAvailable):
        await forget_choice(connection, old, by="eva", now=NOW, scopes={"support"})
    await router.rollback()
    await forget_choice(connection, old, by="eva", now=NOW, scopes={"support"})
    assert await continued_by(connection, number) == []
