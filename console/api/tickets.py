"""Reading tickets and messages."""

from enum import StrEnum
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from console.api import cursors
from console.api.access import TicketsReader
from console.api.ports import Row, Tickets
from console.api.shapes import MAX_ID, MOST_ROWS, Message, Page, Ticket, TicketDetail

NUMBER: Final = r"^[0-9]{10}$"
Which = Annotated[str, Path(pattern=NUMBER, description="the ticket's number: ten digits, no dashes")]
MessageId = Annotated[int, Path(ge=1, le=MAX_ID)]
Limit = Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows at most")]
Cursor = Annotated[
    str | None,
    Query(
        max_length=cursors.LONGEST,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="`next_cursor` of the page before, filters unchanged",
    ),
]
Word = Annotated[str | None, Query(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]


class Sort(StrEnum):
    """The order of a listing of tickets."""

    RECENT = "recent"
    CREATED = "created"


class Status(StrEnum):
    """Statuses of tickets."""

    OPEN = "open"
    CLOSED = "closed"
    SPAM = "spam"


def router(tickets: Tickets) -> APIRouter:
    """Make the paths."""
    paths = APIRouter(tags=["tickets"])

    @paths.get("/tickets")
    async def list_tickets(
        token: TicketsReader,
        *,
        status: Status | None = None,
        account: Word = None,
        channel: Word = None,
        requester: Annotated[Word, Query(description="address, whole, upper and lower case alike")] = None,
        sort: Annotated[
            Sort,
            Query(description="recent: newest message first; created: oldest ticket first, each exactly once"),
        ] = Sort.RECENT,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[Ticket]:
        """List tickets. A ticket that gets a message while you page by `recent` moves to the front, unseen."""
        filters = {"status": status, "account": account, "channel": channel}
        filters["requester"] = requester and requester.strip().lower()
        bound = {**filters, "sort": sort, "what": "tickets"}
        rows = await tickets.page(
            token.accounts,
            filters=filters,
            oldest_first=sort is Sort.CREATED,
            after=cursors.read(cursor, bound),
            limit=limit + 1,
        )
        shown = [Ticket.model_validate(row) for row in rows[:limit]]
        return Page[Ticket](items=shown, next_cursor=next_cursor(rows, limit, bound))

    @paths.get("/tickets/{number}")
    async def read_ticket(token: TicketsReader, number: Which, response: Response) -> TicketDetail:
        """Give one ticket. Its ETag holds its version: send it as `If-Match` with what you do about it."""
        found = TicketDetail.model_validate(await tickets.ticket(token.accounts, number))
        response.headers["ETag"] = f'"{found.version}"'
        return found

    @paths.get("/tickets/{number}/messages")
    async def list_messages(
        token: TicketsReader, number: Which, *, limit: Limit = 50, cursor: Cursor = None
    ) -> Page[Message]:
        """Give messages on a ticket and on those merged into it, in the order in which they were received."""
        bound = {"what": "messages", "number": number}
        after = cursors.read(cursor, bound)
        rows = await tickets.messages(token.accounts, number, after=after, limit=limit + 1)
        shown = [Message.model_validate(row) for row in rows[:limit]]
        return Page[Message](items=shown, next_cursor=next_cursor(rows, limit, bound))

    @paths.get("/messages/{message_id}")
    async def read_message(token: TicketsReader, message_id: MessageId) -> Message:
        """Give one message that stands on a ticket, and why it stands there."""
        return Message.model_validate(await tickets.message(token.accounts, message_id))

    return paths


def next_cursor(rows: Any, limit: int, bound: dict[str, Any]) -> str | None:  # noqa: ANN401 - rows of any listing
    """Give where a listing goes on, when it was read with one row more than it shows."""
    if len(rows) <= limit:
        return None
    last: Row = rows[limit - 1]
    return cursors.written(str(last["cursor"]), bound)
