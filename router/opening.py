"""A new ticket, made of the message that opens it."""

from hashlib import sha256

from router.incoming import Incoming
from router.placed import NewTickets
from router.placement import Placement
from router.view import Ticket


def unproven(match: bytes) -> bytes:
    """Give what stands in place of the sender and subject of a ticket that anybody may have opened in that name.

    Else rule 9 would put what the true sender writes on it, beside the people whom an impostor named.
    """
    return sha256(b"unproven\0" + match).digest()


def new_ticket(message: Incoming, placement: Placement, new: NewTickets, *, proven: bool) -> Ticket:
    """Make the ticket that a message opens; `proven` says that its sender is who it says."""
    inbound, ticket_id = message.message, new.next_id()
    return Ticket(
        id=ticket_id,
        number=new.number(ticket_id),
        scope=inbound.scope,
        account=inbound.account,
        channel=inbound.channel,
        subject=inbound.subject,
        subject_base=inbound.thread.subject_base,
        match=message.match if proven else unproven(message.match),
        requester=message.sender,
        requester_party=inbound.sender,
        continues_id=placement.continues.id if placement.continues else None,
        continues_number=placement.continues.number if placement.continues else None,
        created_at=inbound.received_at,
        last_message_at=inbound.received_at,
        conversation=message.conversation,
    )
