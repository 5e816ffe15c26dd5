"""Who gets a message of ours, and who must never get one. Pure.

A reply goes to the requester, and to those whom the agent or, when asked for, a participant copied. Never to somebody
who takes part internally, to a stranger whose words nobody proved, to staff, or to an address of ours. On a channel of
conversations it goes into the requester's, and nowhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from router.conversations_out import Conversation, NoConversationError, conversation_of
from router.correspondence import copied, is_address, is_reply_address
from router.desk import DeskError
from router.incoming import MAIL
from router.policy import Policies
from router.view import INSIDER, Ticket
from schemas.message import Party
from schemas.outbound_rows import ConversationRow, SpokenRow
from schemas.placement import SPAM, address_key
from schemas.routing_rows import ParticipantRow

MAX_PEOPLE: Final = 50
"""Recipients of one message of ours."""
MAX_MEMBERS: Final = 100
"""Participants of one ticket."""


class NotSaidError(DeskError):
    """The message was not written; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """To and Cc of one message."""

    to: tuple[Party, ...] = ()
    cc: tuple[Party, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Give every address."""
        return tuple(party.address for party in (*self.to, *self.cc))


class Chooser:
    """Chooses recipients by the policies; `desks` are our own addresses by account."""

    def __init__(self, *, policies: Policies, desks: Mapping[str, Party]) -> None:
        self._policies = policies
        self._desks = frozenset(desk.address.lower() for desk in desks.values())

    def of_reply(self, ticket: Ticket, spoken: Sequence[SpokenRow], *, cc: Sequence[str], everyone: bool) -> Recipients:
        """Give those of a reply. Raises `NotSaidError` for somebody who must not get it, and when there is nobody."""
        self._check_answerable(ticket)
        requester = ticket.requester_party
        if not is_address(requester.address) or self._is_ours(requester.address):
            raise NotSaidError(f"there is nobody to answer: the requester is {requester.address!r}")
        if self._policies.is_staff(requester.address):
            raise NotSaidError(
                f"the requester is {requester.address}, who is staff: `tickets requester` names the customer"
            )
        named = [self._outsider(address, ticket) for address in cc]
        others = [party for party in copied(ticket, spoken) if self._may_be_copied(party, ticket)]
        found = _each((*named, *(others if everyone else ())), beside=requester)
        return Recipients(to=(requester,), cc=_few(found))

    def of_conversation(
        self, ticket: Ticket, row: ConversationRow | None, *, named: Sequence[str]
    ) -> tuple[Recipients, Conversation]:
        """Give the conversation of a reply, and it as its recipient. Raises `NotSaidError`."""
        self._check_answerable(ticket)
        if named:
            raise NotSaidError(f"nobody can be copied on {ticket.channel}: a reply goes to the conversation alone")
        try:
            found = conversation_of(row)
        except NoConversationError as error:
            raise NotSaidError(str(error)) from error
        return Recipients(to=(found.party,)), found

    def of_note(self, ticket: Ticket, to: Sequence[str]) -> Recipients:
        """Give those of an internal note: only people who take no part in public. Raises `NotSaidError`."""
        if to and ticket.channel != MAIL:
            raise NotSaidError(f"a note on a ticket of {ticket.channel} stays on it: nobody can be sent it")
        named = [self._checked(address) for address in to]
        for party in named:
            key = address_key(ticket.channel, ticket.account, party.address)
            if key in ticket.members and key not in ticket.insiders:
                raise NotSaidError(f"{party.address} takes part in this ticket in public: a note is not for customers")
        return Recipients(to=_few(_each(named)))

    def newcomers(self, ticket: Ticket, recipients: Recipients, *, internal: bool) -> list[ParticipantRow]:
        """Let those take part whom the message names, so that their answers find it. Staff needs no such leave."""
        found = []
        for party in (*recipients.to, *recipients.cc):
            key = address_key(ticket.channel, ticket.account, party.address)
            if key in ticket.members or self._policies.is_staff(party.address):
                continue
            if len(ticket.members) >= MAX_MEMBERS:
                raise NotSaidError(f"{MAX_MEMBERS} people take part in this ticket already")
            ticket.members[key] = party.address
            found.append(ParticipantRow(ticket.id, key, party.address, INSIDER if internal else "added"))
        return found

    def _check_answerable(self, ticket: Ticket) -> None:
        if ticket.status == SPAM:
            raise NotSaidError("this ticket is spam, and nobody is answered: `tickets reopen` it first if it is none")

    def _outsider(self, address: str, ticket: Ticket) -> Party:
        party = self._checked(address)
        if self._policies.is_staff(party.address):
            raise NotSaidError(f"{party.address} is staff: a reply goes to customers, `tickets note --to` to others")
        if address_key(ticket.channel, ticket.account, party.address) in ticket.insiders:
            raise NotSaidError(f"{party.address} takes part internally: a reply would show them to the customer")
        return party

    def _checked(self, address: str) -> Party:
        bare = address.strip().lower()
        if not is_address(bare):
            raise NotSaidError(f"{bare!r} is no address that we can write to")
        if self._is_ours(bare):
            raise NotSaidError(f"{bare} is an address of ours")
        return Party(address=bare)

    def _may_be_copied(self, party: Party, ticket: Ticket) -> bool:
        key = address_key(ticket.channel, ticket.account, party.address)
        return (
            not self._is_ours(party.address)
            and not self._policies.is_staff(party.address)
            and key not in ticket.insiders
        )

    def _is_ours(self, address: str) -> bool:
        bare = address.strip().lower()
        return bare in self._policies.own_addresses or bare in self._desks or is_reply_address(bare)


def _each(parties: Sequence[Party], *, beside: Party | None = None) -> tuple[Party, ...]:
    known = {beside.address.lower()} if beside else set()
    return tuple({p.address.lower(): p for p in parties if p.address.lower() not in known}.values())


def _few(parties: tuple[Party, ...]) -> tuple[Party, ...]:
    if len(parties) > MAX_PEOPLE:
        raise NotSaidError(f"a message goes to {MAX_PEOPLE} people at most")
    return parties
