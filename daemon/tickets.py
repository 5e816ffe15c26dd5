"""What `tickets ...` does."""

from collections.abc import Awaitable, Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console import detail, tables
from daemon.asking import ask, check_known, for_people, ticket_number
from daemon.cli_options import print_json, print_text
from daemon.legacy_context import of_ticket
from daemon.listings import print_listing
from daemon.opened import Opened
from lifecycle import statuses
from schemas.numbers import shown
from ticket_store import tickets
from ticket_store.listing import as_json as plain


def list_tickets(
    *, status: str | None, account: str | None, requester: str | None, limit: int | None, as_json: bool
) -> None:
    """Print tickets."""
    check_known("status", status, statuses.Status)

    def page(
        connection: AsyncConnection[TupleRow], last: tickets.TicketLine | None, most: int
    ) -> Awaitable[list[tickets.TicketLine]]:
        return tickets.list_tickets(
            connection,
            status=status,
            account=account,
            requester=requester,
            after=last.cursor if last else None,
            limit=most,
        )

    print_listing(page, tables.TICKETS, account=account, limit=limit, as_json=as_json, nothing="no tickets")


def show_ticket(number: str, *, as_json: bool) -> None:
    """Print one ticket with its messages and decisions."""
    bare = ticket_number(number)

    async def read(store: Opened) -> dict[str, Any]:
        async with store.pool.connection() as connection:
            ticket = await tickets.show_ticket(connection, bare)
            return {**plain(ticket), "old_tickets": await of_ticket(connection, store.settings, bare)}

    found = ask(read)
    print_json(found) if as_json else print_text(detail.ticket(_for_people(found)))


def _message_for_people(message: Mapping[str, Any]) -> Mapping[str, Any]:
    decision = dict(message["decision"])
    for name in ("rejected", "suggestions"):
        decision[name] = [{**one, "ticket": _grouped(one.get("ticket", ""))} for one in decision.get(name, ())]
    return {**message, "ticket": shown(message["ticket"]), "decision": decision}


def _grouped(number: str) -> str:
    """Group a number where there is one."""
    return shown(number) if number else ""


def _for_people(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give a ticket with every number in groups."""
    return {
        **found,
        "ticket": for_people(found["ticket"]),
        "continues": shown(found["continues"]) if found["continues"] else None,
        "continued_by": [shown(number) for number in found["continued_by"]],
        "merged_into": shown(found["merged_into"]) if found["merged_into"] else None,
        "merged_from": [shown(number) for number in found["merged_from"]],
        "messages": [_message_for_people(message) for message in found["messages"]],
    }
