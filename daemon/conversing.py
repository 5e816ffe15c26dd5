"""What `tickets invite|unlink|turn` do."""

from datetime import timedelta

from console.moments import moment
from daemon.asking import ask, ticket_number
from daemon.cli_options import print_json, print_line
from daemon.errors import USAGE, UserError
from daemon.opened import Opened, linking, turning
from daemon.tending import author
from router.linking import Invitation, Unlinked
from schemas.numbers import shown


def invite(number: str, *, channel: str, hours: float, by: str | None, as_json: bool) -> None:
    """Make an invitation and print it; it is shown once, and kept nowhere as it is written."""
    bare, name = ticket_number(number), author(by)
    if hours <= 0:
        raise UserError("--hours is how long the invitation lasts: more than 0", code=USAGE)

    async def make(store: Opened) -> Invitation:
        accounts = [store.settings.account(name) for name in store.settings.accounts]
        scopes = {account.scope for account in accounts if account.channel == channel}
        if not scopes:
            known = ", ".join(sorted({account.channel for account in accounts}))
            raise UserError(f"no account of channel {channel!r}: there are {known}", code=USAGE)
        lasts = timedelta(hours=hours)
        return await linking(store).invite(bare, channel=channel, lasts=lasts, by=name, scopes=scopes)

    made = ask(make)
    if as_json:
        until = made.expires_at.isoformat()
        facts = {"ticket": made.ticket, "channel": made.channel, "payload": made.payload, "code": made.code}
        print_json({**facts, "expires_at": until})
        return
    print_line(f"ticket {shown(made.ticket)}: whoever brings one of these on {made.channel} is its requester")
    print_line(f"  payload of a link: {made.payload}")
    print_line(f"  code to type:      {made.code}")
    print_line(f"  once, until {moment(made.expires_at.isoformat())}; give it to the requester alone")


def unlink(number: str, *, address: str | None, by: str | None) -> None:
    """Undo what proofs linked."""
    bare, name = ticket_number(number), author(by)

    async def undo(store: Opened) -> Unlinked:
        return await linking(store).unlink(bare, address=address or "", by=name)

    done = ask(undo)
    people = ", ".join(f"{channel} {who}" for channel, who in done.people)
    print_line(f"ticket {shown(done.ticket)}: no longer its requester: {people}")
    print_line("  what was written meanwhile stays: `tickets move` takes messages off")


def turn(number: str) -> None:
    """Turn a live chat into a ticket like others."""
    bare = ticket_number(number)

    async def turned(store: Opened) -> None:
        await turning(store).turn(bare)

    ask(turned)
    print_line(f"ticket {shown(bare)} is no live chat any more")
