"""Old desks' tickets beside what people look at: a held message that names one, a ticket that continues one."""

from collections.abc import Mapping
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from daemon.settings import Settings
from router.incoming import MAIL
from schemas.placement import Source, address_key
from ticket_store.legacy import OldTicket, continued_by, of_requester, read_old_tickets
from ticket_store.listing import as_json as plain

Plain = dict[str, Any]


async def of_message(
    connection: AsyncConnection[TupleRow], settings: Settings, decision: Mapping[str, Any], sender: str
) -> list[Plain]:
    """Give the old tickets that the evidence of a decision names, as plain data, also those that no export tells of.

    Where only the desk is known: the latest ones of the sender there.
    """
    named = [one["shown"].partition(" ") for one in decision.get("evidence", ()) if one["source"] == Source.LEGACY]
    keys = list(dict.fromkeys((desk, number) for desk, _, number in named if number))
    known = {(one.desk, one.number): one for one in await read_old_tickets(connection, keys)}
    found = [known.get(key) or _only_named(*key) for key in keys]
    vague = {desk for desk, _, number in named if not number}
    if vague:
        found += await of_requester(connection, address_key(MAIL, "", sender), vague)
    return with_links(settings, found)


async def of_ticket(connection: AsyncConnection[TupleRow], settings: Settings, number: str) -> list[Plain]:
    """Give the old tickets that go on in a ticket of ours, as plain data."""
    return with_links(settings, await continued_by(connection, number))


def with_links(settings: Settings, found: list[OldTicket]) -> list[Plain]:
    """Make old tickets plain data, each with the address of its page in the old desk."""
    desks = {name: desk.desk(name) for name, desk in settings.legacy.items()}
    return [{**plain(one), "url": desks[one.desk].link(one.number) if one.desk in desks else ""} for one in found]


def _only_named(desk: str, number: str) -> OldTicket:
    return OldTicket(
        desk=desk,
        number=number,
        subject="",
        requester="",
        requester_name="",
        status="",
        opened_at=None,
        imported_at=None,
        choice="",
        ticket="",
        chosen_by="",
        chosen_at=None,
        history=(),
        message_ids=0,
    )
