"""Messages of ours on the store of a routing lab, with their tokens."""

from collections.abc import Sequence
from typing import Any

from routing_lab import OWN_ADDRESS, START, Lab

from router.outgoing import Letter, outgoing
from router.tokens import Signer, SigningKey
from router.view import Ticket
from schemas.changes import Changes
from schemas.message import Party, Text
from schemas.placement import Author, SendKind, Visibility


async def signer_of(lab: Lab) -> Signer:
    instance_id, rows = await lab.store.signing_keys()
    keys = [SigningKey(id=row.id, secret=row.secret, retired=row.retired) for row in rows]
    return Signer(instance_id=instance_id, keys=keys)


async def say(
    lab: Lab,
    on: str,
    *,
    to: Sequence[str] = ("ana@a.example",),
    visibility: Visibility = Visibility.PUBLIC,
    message_id: int = 9000,
) -> str:
    """Say something on the ticket of a message; give its token."""
    async with lab.store.transaction() as transaction:
        row, _ = (await transaction.lock_tickets({await ticket_of(lab, on)}))[0]
        letter = Letter(
            ticket=Ticket.stored(row, None),
            text=Text(content=f"text of {message_id}"),
            author=Author.AGENT,
            sender=Party(address=OWN_ADDRESS),
            kind=SendKind.REPLY,
            to=[Party(address=address) for address in to],
            visibility=visibility,
        )
        rows = outgoing(letter, message_id=message_id, signer=await signer_of(lab), now=START)
        sends = [rows.send] if rows.send else []
        await transaction.write(Changes(messages=[rows.message], own_threads=[rows.thread], sends=sends))
    return (await signer_of(lab)).issue(ticket_id=row.id, message_id=message_id, opened_at=row.created_at)


async def ticket_of(lab: Lab, name: str) -> int:
    found: int = (await lab.rows("select ticket_id from messages where body_text = %s", [f"text of {name}"]))[0][
        "ticket_id"
    ]
    return found


async def stored(lab: Lab, name: str) -> dict[str, Any]:
    return (await lab.rows("select * from messages where body_text = %s", [f"text of {name}"]))[0]
