"""What `tickets close|reopen|spam|merge|move` do."""

import getpass

from daemon.asking import ask, ticket_number
from daemon.cli_options import print_line
from daemon.errors import USAGE, UserError
from daemon.opened import Opened, moving, tending
from router.moving import HOLD, NEW, Moved
from router.tending import Merged
from schemas.message import Party
from schemas.numbers import shown


def close_ticket(number: str, *, quiet: bool = False) -> None:
    """Close a ticket; the event goes out by the running daemon. `quiet` says nothing."""
    bare = ticket_number(number)

    async def close(store: Opened) -> None:
        await tending(store).close(bare)

    ask(close)
    if not quiet:
        print_line(f"ticket {shown(bare)} is closed")


def reopen_ticket(number: str) -> None:
    """Open a ticket again."""
    bare = ticket_number(number)

    async def reopen(store: Opened) -> None:
        await tending(store).reopen(bare)

    ask(reopen)
    print_line(f"ticket {shown(bare)} is open")


def spam_ticket(number: str) -> None:
    """Call a ticket spam."""
    bare = ticket_number(number)

    async def spam(store: Opened) -> None:
        await tending(store).spam(bare)

    ask(spam)
    print_line(f"ticket {shown(bare)} is spam")


def merge_tickets(number: str, into: str, *, different: bool) -> None:
    """Let a ticket go on as another one."""
    source, target = ticket_number(number), ticket_number(into)

    async def merge(store: Opened) -> Merged:
        return await tending(store).merge(source, target, allow_different_requesters=different)

    done = ask(merge)
    again = " already" if done.already else ""
    print_line(f"ticket {shown(done.source)} goes on as {shown(done.into)}{again}")


def name_requester(number: str, address: str, *, name: str) -> None:
    """Name the customer of a ticket."""
    bare = ticket_number(number)
    party = Party(address=address.strip().lower()[:998], name=" ".join(name.split())[:255])

    async def say(store: Opened) -> None:
        await tending(store).requester(bare, party)

    ask(say)
    print_line(f"the requester of ticket {shown(bare)} is {party.address}")


def move_message(message: int, *, to: str | None, new: bool, hold: bool, by: str | None) -> None:
    """Move a message to a ticket, to a new one, or to the spool."""
    if [to is not None, new, hold].count(True) != 1:
        raise UserError("say where to: one of --to NUMBER, --new, --hold", code=USAGE)
    where = ticket_number(to) if to is not None else NEW if new else HOLD
    name = author(by)

    async def move(store: Opened) -> Moved:
        return await moving(store).move(message, where, by=name)

    done = ask(move)
    goal = f"on ticket {shown(done.now)}" if done.now else "held"
    before = " already" if done.already else f"; it was on {shown(done.before)}"
    print_line(f"message {message} is {goal}{before}")


def author(by: str | None) -> str:
    """Give who does it: as said, else the login name."""
    try:
        return " ".join((by or getpass.getuser()).split())[:100] or "an agent"
    except (OSError, KeyError):
        return "an agent"
