"""What people say on tickets: replies that go to the customer, notes that do not, all under the router's own locks."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from pydantic_core import to_json

from router.announce import Announcer
from router.conversations_out import is_talked_elsewhere
from router.correspondence import Answered, answered
from router.expected import ANY, Expected, no_such_ticket
from router.incoming import MAIL
from router.keys import Keyring
from router.outbound_ports import OutboundStore, OutboundTransaction
from router.outgoing import Letter, Outgoing, outgoing
from router.patience import patiently
from router.policy import Policies
from router.recipients import Chooser, NotSaidError, Recipients
from router.tending import locked_view
from router.view import Ticket
from router.writing import change_of
from schemas.changes import Changes
from schemas.message import File, Party, Text
from schemas.outbound_rows import SaidRow, SpokenRow
from schemas.placement import Author, SendKind, Visibility
from schemas.routing_rows import NewcomerRow


class OtherRequestError(NotSaidError):
    """The same request key came with another request before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A message of ours that stands on a ticket now.

    `ticket` is where it stands: the survivor of a merge. `recipients` are those to whom it is sent. `closed`: the
    ticket was closed and is so still. `bounced` are recipients who did not take our last mail, with the reason.
    `repeated`: it was written before, by the same request.
    """

    message_id: int
    ticket: str
    recipients: tuple[str, ...] = ()
    channel: str = MAIL
    closed: bool = False
    bounced: Mapping[str, str] = field(default_factory=dict)
    repeated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Saying:
    """What somebody wants to say."""

    number: str
    text: Text
    by: str
    files: Sequence[File]
    request_key: str
    named: Sequence[str]
    everyone: bool = False
    internal: bool = False
    expected: Expected = ANY

    def fingerprint(self) -> bytes:
        """Give the digest of all that is said, and to whom."""
        return sha256(to_json([self.text, self.files, self.named, self.everyone])).digest()

    @property
    def goes_to_the_requester_alone(self) -> bool:
        """Whether nobody else is named: then it goes where the requester last wrote."""
        return not (self.internal or self.named or self.everyone)


class Outbound:
    """Answers to tickets. Every call is one transaction; the same `request_key` twice makes one message.

    `desks` gives each account's own address, from which its messages come, and the name beside it.
    """

    def __init__(
        self,
        *,
        store: OutboundStore,
        policies: Policies,
        desks: Mapping[str, Party],
        source: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._desks = desks
        self._choose = Chooser(policies=policies, desks=desks)
        self._source = source
        self._clock = clock

    async def reply(
        self,
        number: str,
        text: Text,
        *,
        by: str,
        cc: Sequence[str] = (),
        everyone: bool = False,
        files: Sequence[File] = (),
        request_key: str = "",
        expected: Expected = ANY,
    ) -> Said:
        """Answer the requester; `cc` take part from now on. `everyone`: also the participants whom customers copied.

        A closed ticket stays closed. On a merged ticket it is said where that one goes on. Raises `NotSaidError`,
        `NoSuchTicketError`, `OtherRequestError`, and what `expected` does.
        """
        saying = _Saying(
            number=number,
            text=text,
            by=by,
            files=files,
            request_key=request_key,
            named=cc,
            everyone=everyone,
            expected=expected,
        )
        return await patiently(self._store, lambda: self._say(saying))

    async def note(
        self,
        number: str,
        text: Text,
        *,
        by: str,
        to: Sequence[str] = (),
        files: Sequence[File] = (),
        request_key: str = "",
        expected: Expected = ANY,
    ) -> Said:
        """Write what customers never see. Those in `to` get it by mail, and their answers stay internal, too.

        Raises `NotSaidError`, `NoSuchTicketError`, `OtherRequestError`, and what `expected` does.
        """
        saying = _Saying(
            number=number,
            text=text,
            by=by,
            files=files,
            request_key=request_key,
            named=to,
            internal=True,
            expected=expected,
        )
        return await patiently(self._store, lambda: self._say(saying))

    async def _say(self, saying: _Saying) -> Said:
        signer = await Keyring(store=self._store, clock=self._clock).signer()  # the keys as they are now
        async with self._store.transaction() as transaction:
            (message_id,) = await transaction.message_ids(1)
            before = await _claimed(transaction, saying, message_id)
            if before is not None:
                if saying.expected.accounts is not None:
                    await locked(transaction, saying.number, Expected(accounts=saying.expected.accounts))
                return before
            ticket = await locked(transaction, saying.number, saying.expected)
            letter, recipients = await self._letter(transaction, saying, ticket)
            rows = outgoing(letter, message_id=message_id, signer=signer, now=self._clock())
            return await self._write(transaction, letter, rows, recipients)

    async def _letter(
        self, transaction: OutboundTransaction, saying: _Saying, ticket: Ticket
    ) -> tuple[Letter, Recipients]:
        if ticket.channel != MAIL and not saying.internal:
            return await self._into_conversation(transaction, saying, ticket, {ticket.requester, *ticket.linked})
        spoken = await transaction.spoken(ticket.id)
        if saying.goes_to_the_requester_alone and ticket.linked and is_talked_elsewhere(spoken):
            return await self._into_conversation(transaction, saying, ticket, ticket.linked)
        recipients = self._recipients(saying, ticket, spoken)
        visibility = Visibility.INTERNAL if saying.internal else Visibility.PUBLIC
        names = answered(spoken, visibility=visibility) if recipients.to else Answered()
        letter = Letter(
            ticket=ticket,
            text=saying.text,
            author=Author.AGENT,
            sender=self._sender(ticket),
            kind=SendKind.NOTE if saying.internal else SendKind.REPLY,
            to=recipients.to,
            cc=recipients.cc,
            files=saying.files,
            visibility=visibility,
            in_reply_to=names.in_reply_to,
            references=names.references,
            why=f"{'Noted' if saying.internal else 'Answered'} by {saying.by}.",
        )
        return letter, recipients

    async def _into_conversation(
        self, transaction: OutboundTransaction, saying: _Saying, ticket: Ticket, people: Collection[bytes]
    ) -> tuple[Letter, Recipients]:
        """Answer where one of these people last wrote: the requester, or who was proven to be the requester."""
        row = await transaction.conversation(ticket.id, ticket.scope, sorted(people))
        recipients, conversation = self._choose.of_conversation(ticket, row, named=saying.named)
        letter = Letter(
            ticket=ticket,
            text=saying.text,
            author=Author.AGENT,
            sender=Party(address=conversation.account),
            kind=SendKind.REPLY,
            to=recipients.to,
            files=saying.files,
            in_reply_to=conversation.answered,
            why=f"Answered by {saying.by}.",
            conversation=conversation,
        )
        return letter, recipients

    def _recipients(self, saying: _Saying, ticket: Ticket, spoken: Sequence[SpokenRow]) -> Recipients:
        if saying.internal:
            return self._choose.of_note(ticket, saying.named)
        return self._choose.of_reply(ticket, spoken, cc=saying.named, everyone=saying.everyone)

    def _sender(self, ticket: Ticket) -> Party:
        if ticket.channel != MAIL:
            return Party(address=ticket.account)
        desk = self._desks.get(ticket.account)
        if desk is None:
            raise NotSaidError(f"account {ticket.account!r} has no address to write from: look into its settings")
        return desk

    async def _write(
        self,
        transaction: OutboundTransaction,
        letter: Letter,
        rows: Outgoing,
        recipients: Recipients,
    ) -> Said:
        ticket, now = letter.ticket, rows.message.received_at
        internal = letter.visibility is Visibility.INTERNAL
        newcomers = self._choose.newcomers(ticket, recipients, internal=internal) if letter.conversation is None else []
        bounced = await transaction.bounced(ticket.id, [address.lower() for address in recipients.addresses])
        ticket.message_count += 1
        ticket.last_message_at = max(ticket.last_message_at, now)
        event = Announcer(source=self._source, now=now).said(ticket, letter, rows.message)
        changes = Changes(
            messages=[rows.message],
            own_threads=[rows.thread],
            sends=[rows.send] if rows.send is not None else [],
            blobs=rows.blobs,
            participants=newcomers,
            newcomers=[NewcomerRow(ticket.scope, row.address_key, now) for row in newcomers],
            ticket_changes=[change_of(ticket)],
            outbox=[event],
        )
        await transaction.write(changes)
        return Said(
            message_id=rows.message.id,
            ticket=ticket.number,
            recipients=recipients.addresses,
            channel=letter.way[0],
            closed=ticket.closed_at is not None,
            bounced=bounced,
        )


async def locked(transaction: OutboundTransaction, number: str, expected: Expected = ANY) -> Ticket:
    """Lock a ticket, or the one on which it goes on.

    Raises `NoSuchTicketError`, `NotSaidError` for a ring, and what `expected` does.
    """
    found = await transaction.tickets_by_numbers([number])
    if number not in found:
        raise no_such_ticket(number)
    view = await locked_view(transaction, [found[number]])
    expected.check(view, view.tickets[found[number]])
    ticket = view.standing(found[number])
    if ticket is None:
        raise NotSaidError("its merges lead nowhere: `tickets reopen` one of those tickets")
    return ticket


async def _claimed(transaction: OutboundTransaction, saying: _Saying, message_id: int) -> Said | None:
    """Claim the request, as such and with all that it says; give what it made when it came before.

    Raises `OtherRequestError` when it came before and said something else.
    """
    if not saying.request_key:
        return None
    kind = "note" if saying.internal else "reply"
    name = f"request\0{kind}\0{saying.number}\0{saying.request_key}".encode()
    key, whole = sha256(name).digest(), sha256(name + b"\0" + saying.fingerprint()).digest()
    claimed = await transaction.claim_deliveries({key: message_id, whole: message_id})
    taken = claimed.get(key)
    if taken is not None and claimed.get(whole) != taken:
        raise OtherRequestError("this request key came with another text, other people or other files before")
    row = await transaction.said(taken) if taken is not None else None
    return None if row is None else _before(row)


def _before(row: SaidRow) -> Said:
    addresses = tuple(str(recipient["address"]) for recipient in row.recipients)
    return Said(message_id=row.id, ticket=row.number, recipients=addresses, repeated=True)
