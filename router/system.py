"""What the system itself says, on a ticket or beside any: rows, counts and events in one transaction.

The words come from elsewhere (`lifecycle/notice_worker.py`); here they become messages of ours with signed ids.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from router.announce import Announcer
from router.conversations_out import Conversation
from router.outgoing import Letter, Outgoing, outgoing
from router.ports import RoutingTransaction
from router.tokens import Signer
from router.view import Ticket
from router.writing import change_of
from schemas.changes import Changes
from schemas.message import Party, Text, ThreadId
from schemas.placement import Author, Decision, Outcome, Rule, SendKind
from schemas.routing_rows import TicketRow

NO_TICKET: Final = 0
"""Stands for the ticket in the token of a message that belongs to none: no ticket has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Something that the system tells one person. `ticket_id` None: it stands on no ticket and is kept as noted."""

    ticket_id: int | None
    account: str
    channel: str
    scope: str
    sender: Party
    to: Party
    subject: str
    text: str
    why: str
    in_reply_to: Sequence[ThreadId] = ()
    references: Sequence[ThreadId] = ()
    conversation: Conversation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """Who signs, and whose events these are, at one time."""

    signer: Signer
    source: str
    now: datetime

    async def lock(self, transaction: RoutingTransaction, ticket_ids: Sequence[int]) -> dict[int, Ticket]:
        """Lock the tickets to speak on; those that are not there are absent."""
        if not ticket_ids:
            return {}
        return _tickets(await transaction.lock_tickets(set(ticket_ids)))

    async def speak(
        self, transaction: RoutingTransaction, said: Sequence[Announcement], tickets: Mapping[int, Ticket]
    ) -> list[int]:
        """Write announcements and queue them to be sent; give their messages' ids. `tickets` are locked.

        A ticket's time of the last message stays: what the system says moves no window and no clock.
        """
        ids = await transaction.message_ids(len(said))
        made = [self._rows(one, i, tickets) for one, i in zip(said, ids, strict=True)]
        announcer = Announcer(source=self.source, now=self.now)
        events = []
        for letter, rows in made:
            if letter.ticket.id != NO_TICKET:
                letter.ticket.message_count += 1
                events.append(announcer.said(letter.ticket, letter, rows.message))
        await transaction.write(
            Changes(
                ticket_changes=[change_of(ticket) for ticket in tickets.values() if ticket.changed],
                messages=[rows.message for _, rows in made],
                own_threads=sorted(rows.thread for _, rows in made),
                sends=[rows.send for _, rows in made if rows.send is not None],
                outbox=events,
            )
        )
        return list(ids)

    def _rows(self, one: Announcement, message_id: int, tickets: Mapping[int, Ticket]) -> tuple[Letter, Outgoing]:
        ticket = self._beside(one) if one.ticket_id is None else tickets[one.ticket_id]
        letter = _letter(one, ticket)
        rows = outgoing(letter, message_id=message_id, signer=self.signer, now=self.now)
        return letter, rows if one.ticket_id is not None else _noted(rows, one.why)

    def _beside(self, one: Announcement) -> Ticket:
        """Give what stands in the place of a ticket for a message that belongs to none."""
        return Ticket(
            id=NO_TICKET,
            number="",
            scope=one.scope,
            account=one.account,
            channel=one.channel,
            subject=one.subject,
            subject_base="",
            match=b"",
            requester=b"",
            requester_party=one.to,
            created_at=self.now,
            last_message_at=self.now,
        )


def _tickets(rows: Sequence[tuple[TicketRow, str | None]]) -> dict[int, Ticket]:
    return {row.id: Ticket.stored(row, continues) for row, continues in rows}


def _letter(one: Announcement, ticket: Ticket) -> Letter:
    return Letter(
        ticket=ticket,
        text=Text(content=one.text),
        author=Author.SYSTEM,
        sender=one.sender,
        kind=SendKind.NOTICE,
        to=(one.to,),
        subject=one.subject,
        in_reply_to=one.in_reply_to,
        references=one.references,
        rule=Rule.NOTICE,
        why=one.why,
        conversation=one.conversation,
    )


def _noted(rows: Outgoing, why: str) -> Outgoing:
    decision = Decision(rule=Rule.NOTICE, outcome=Outcome.NOTED, explanation=why)
    message = rows.message._replace(
        ticket_id=None, state="noted", decision=decision.model_dump_json(exclude_defaults=True)
    )
    return rows._replace(message=message, send=rows.send._replace(ticket_id=None) if rows.send else None)
