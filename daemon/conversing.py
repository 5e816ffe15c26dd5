"""What `tickets invite|unlink|turn` do."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from connectors.base import Account, LaterError
from connectors.sending import Invites
from console.moments import moment
from daemon.asking import ask, ticket_number
from daemon.cli_options import print_json, print_line
from daemon.connecting import close_all, connect_accounts
from daemon.errors import USAGE, UserError
from daemon.opened import Opened, linking, turning
from daemon.settings import Settings
from daemon.tending import author
from router.linking import Invitation, Unlinked
from schemas.numbers import shown

LINK_SECONDS: Final = 10.0
"""For a platform to say how an account is called there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """What leads into one account's chat; `problem` says why there is no link just now."""

    account: str
    url: str = ""
    problem: str = ""


def invite(number: str, *, channel: str, hours: float, by: str | None, as_json: bool) -> None:
    """Make an invitation and print it; it is shown once, and kept nowhere as it is written."""
    bare, name = ticket_number(number), author(by)
    if hours <= 0:
        raise UserError("--hours is how long the invitation lasts: more than 0", code=USAGE)

    async def make(store: Opened) -> tuple[Invitation, Sequence[_Link]]:
        accounts = [store.settings.account(name) for name in store.settings.accounts]
        scopes = {account.scope for account in accounts if account.channel == channel}
        if not scopes:
            known = ", ".join(sorted({account.channel for account in accounts}))
            raise UserError(f"no account of channel {channel!r}: there are {known}", code=USAGE)
        lasts = timedelta(hours=hours)
        made = await linking(store).invite(bare, channel=channel, lasts=lasts, by=name, scopes=scopes)
        return made, await _links(store.settings, made)

    made, links = ask(make)
    if as_json:
        print_json({**_facts(made), "links": {link.account: link.url for link in links if link.url}})
        return
    print_line(f"ticket {shown(made.ticket)}: whoever brings one of these on {made.channel} is its requester")
    for link in links:
        print_line(f"  link, {link.account}: {link.url or link.problem}")
    print_line(f"  payload of a link: {made.payload}")
    print_line(f"  code to type:      {made.code}")
    print_line(f"  once, until {moment(made.expires_at.isoformat())}; give it to the requester alone")


def _facts(made: Invitation) -> dict[str, str]:
    return {
        "ticket": made.ticket,
        "channel": made.channel,
        "payload": made.payload,
        "code": made.code,
        "expires_at": made.expires_at.isoformat(),
    }


async def _links(settings: Settings, made: Invitation) -> Sequence[_Link]:
    """Give the whole link into each account's chat where the proof counts; a platform that is away hinders nobody."""
    connectors = connect_accounts(settings)
    fitting = [one for one in connectors.values() if isinstance(one, Invites) and _fits(one.account, made)]
    try:
        return await asyncio.gather(*(_link(one, made.payload) for one in fitting))
    finally:
        await close_all(connectors)


async def _link(connector: Invites, payload: str) -> _Link:
    account = connector.account.name
    try:
        async with asyncio.timeout(LINK_SECONDS):
            return _Link(account=account, url=await connector.deep_link(payload))
    except TimeoutError:
        return _Link(account=account, problem="the platform did not say in time how the account is called there")
    except LaterError as error:
        return _Link(account=account, problem=str(error))


def _fits(account: Account, made: Invitation) -> bool:
    return (account.channel, account.scope) == (made.channel, made.scope)


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
