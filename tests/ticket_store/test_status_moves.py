"""Closing and reopening: ticket, version and event change together or not at all."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial

import pytest
from psycopg import AsyncConnection
from store_rows import StoreRows

from lifecycle.statuses import Move, MoveError, Reason, Status, move
from schemas.events import EventType, TicketEvent
from schemas.numbers import shown
from ticket_store.status_moves import TicketNotFoundError, move_status

NOW = datetime(2026, 3, 2, tzinfo=UTC)
SOURCE = "/switchboard/test"


@pytest.fixture
def rows(database: str) -> Iterator[StoreRows]:
    made = StoreRows(database)
    yield made
    made.close()


def to(target: Status) -> Callable[[str], Move]:
    return partial(move, target=target, reason=Reason.OPERATOR, at=NOW)


async def moved(database: str, number: str, target: Status) -> TicketEvent:
    async with await AsyncConnection.connect(database) as connection:
        return await move_status(connection, number, decide=to(target), source=SOURCE, now=NOW)


async def test_closing_writes_ticket_and_event_together(database: str, rows: StoreRows) -> None:
    rows.ticket(1)
    number = rows.ticket(2, continues_id=1, version=4)
    event = await moved(database, shown(number), Status.CLOSED)
    assert rows.run("select status, closed_at, version from tickets where id = 2") == [("closed", NOW, 5)]
    ((text, kind, shard, sequence, event_id),) = rows.run("select event, type, shard, sequence, id from outbox")
    assert (kind, shard, sequence, event_id) == ("ticket.status_changed", 2, 5, event.id)
    assert TicketEvent.model_validate_json(text) == event
    assert event.type is EventType.STATUS_CHANGED
    assert (event.data.previous_status, event.data.ticket.status) == ("open", "closed")
    assert (event.data.status_reason, event.data.sequence) == ("operator", 5)
    assert event.data.ticket.continues


async def test_reopening_makes_the_ticket_open_again(database: str, rows: StoreRows) -> None:
    number = rows.ticket(1, status="closed", closed_at=NOW)
    await moved(database, number, Status.OPEN)
    assert rows.run("select status, closed_at, version from tickets") == [("open", None, 2)]


async def test_a_refused_move_changes_nothing(database: str, rows: StoreRows) -> None:
    number = rows.ticket(1)
    with pytest.raises(MoveError, match="already open"):
        await moved(database, number, Status.OPEN)
    assert rows.run("select status, version from tickets") == [("open", 1)]
    assert rows.run("select count(*) from outbox") == [(0,)]


async def test_of_two_who_close_at_once_one_is_told_that_it_is_closed(database: str, rows: StoreRows) -> None:
    number = rows.ticket(1)
    results = await asyncio.gather(*(moved(database, number, Status.CLOSED) for _ in range(2)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["MoveError", "TicketEvent"]
    assert rows.run("select count(*) from outbox") == [(1,)]


async def test_a_ticket_that_is_not_there_is_an_error_that_says_so(database: str, rows: StoreRows) -> None:
    number = rows.ticket(1)
    rows.run("delete from tickets")
    with pytest.raises(TicketNotFoundError, match=f"no ticket {shown(number)}"):
        await moved(database, number, Status.CLOSED)
    with pytest.raises(ValueError, match="has 10 digits"):
        await moved(database, "12", Status.CLOSED)
