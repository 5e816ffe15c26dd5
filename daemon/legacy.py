"""What `legacy ...` does."""

from collections.abc import Awaitable

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from console import legacy_detail, tables
from daemon.asking import ask, ticket_number
from daemon.cli_options import loaded_settings, print_json, print_line, print_text
from daemon.clock import now
from daemon.errors import NO, USAGE, UserError
from daemon.legacy_context import with_links
from daemon.listings import print_listing
from daemon.opened import Opened
from daemon.settings import Settings
from daemon.settings_legacy import LegacySettings
from schemas.legacy import OldKey, old_number
from schemas.numbers import shown
from ticket_store import legacy


def scopes_of(settings: Settings) -> frozenset[str]:
    """Give every scope in which messages may wait."""
    return frozenset(getattr(account, "scope", None) or name for name, account in settings.accounts.items())


def chosen_desk(settings: Settings, desk: str) -> LegacySettings:
    """Give the settings of an old desk. Raises `UserError` when there is none of this name."""
    if desk not in settings.legacy:
        known = ", ".join(settings.legacy) or "none"
        raise UserError(f"there is no [legacy.{desk}] in the settings; there are: {known}", code=USAGE)
    return settings.legacy[desk]


def list_old(*, desk: str | None, requester: str | None, limit: int | None, as_json: bool) -> None:
    """Print old tickets."""

    def page(
        connection: AsyncConnection[TupleRow], last: legacy.OldTicketLine | None, most: int
    ) -> Awaitable[list[legacy.OldTicketLine]]:
        after = (last.desk, last.number) if last else None
        return legacy.list_old_tickets(connection, desk=desk, requester=requester, after=after, limit=most)

    print_listing(page, tables.OLD_TICKETS, account=None, limit=limit, as_json=as_json, nothing="no old tickets")


def show_old(desk: str, number: str, *, as_json: bool) -> None:
    """Print one old ticket."""

    async def read(store: Opened) -> legacy.OldTicket:
        async with store.pool.connection() as connection:
            return await legacy.show_old_ticket(connection, desk, number)

    found = with_links(loaded_settings().settings, [ask(read)])[0]
    print_json(found) if as_json else print_text("\n".join(legacy_detail.old_ticket(found)))


def bind_old(desk: str, number: str, *, ticket: str | None, forward: bool, unbind: bool) -> None:
    """Say where an old ticket goes on."""
    if [ticket is not None, forward, unbind].count(True) != 1:
        raise UserError("say one of --ticket NUMBER, --forward, --unbind", code=USAGE)
    settings = loaded_settings().settings
    old = _key(settings, desk, number)
    if forward and not chosen_desk(settings, desk).forward_to:
        raise UserError(f"[legacy.{desk}] has no forward_to: nothing can be sent there", code=NO)
    bare = ticket_number(ticket) if ticket is not None else ""

    async def choose(store: Opened) -> int:
        async with store.pool.connection() as connection:
            await connection.rollback()
            scopes = scopes_of(settings)
            if unbind:
                await legacy.forget_choice(connection, old, by="an operator", now=now(), scopes=scopes)
                return 0
            if forward:
                return await legacy.choose_forwarding(connection, old, by="an operator", now=now(), scopes=scopes)
            return await legacy.choose_ticket(connection, old, bare, by="an operator", now=now(), scopes=scopes)

    woken = ask(choose)
    where = f"goes on in ticket {shown(bare)}" if bare else "is sent on" if forward else "is nobody's choice any more"
    more = f"; {woken} held messages are looked at again" if woken else ""
    print_line(f"{desk} {old[1]} {where}{more}")


def _key(settings: Settings, desk: str, number: str) -> OldKey:
    chosen_desk(settings, desk)
    cleaned = old_number(number)
    if not cleaned:
        raise UserError(f"{number!r} is no number of an old ticket", code=USAGE)
    return desk, cleaned
