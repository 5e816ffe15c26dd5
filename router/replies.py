"""Agents' answers by mail, sent on to the customer: a message of ours with its own signed id, beside the agent's."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from router.correspondence import answered
from router.incoming import Incoming, is_somebody
from router.outgoing import Letter, Outgoing, outgoing
from router.policy import Policies
from router.tokens import Signer
from router.view import Ticket
from schemas.message import FileState, InboundMessage, Party, Text
from schemas.outbound_rows import SpokenRow
from schemas.placement import Author, Rule, SendKind, Visibility, address_key
from schemas.tokens import token_in_address

IMPORT: Final = "import"


class Reply(NamedTuple):
    """What goes to the customer, and its rows."""

    letter: Letter
    rows: Outgoing


@dataclass(frozen=True, slots=True, kw_only=True)
class Replies:
    """Makes them. `next_id` gives numbers for messages; `own_text` cuts a text's quotation of earlier mails."""

    signer: Signer
    policies: Policies
    next_id: Callable[[], int]
    now: datetime
    own_text: Callable[[str], str] = str

    def answer(self, ticket: Ticket, message: Incoming, spoken: Sequence[SpokenRow]) -> Reply | None:
        """Send an agent's answer to whom the agent's own mail did not go; None when it went to everybody.

        What comes from an archive was answered long ago.
        """
        inbound = message.message
        if inbound.envelope.intake == IMPORT:
            return None
        present = {party.address.strip().lower() for party in (*inbound.to, *inbound.cc)}
        to, cc = self._recipients(ticket, present)
        sender = self._sender(ticket, inbound)
        if not (to or cc) or sender is None:
            return None
        names = answered(spoken, visibility=Visibility.PUBLIC)
        letter = Letter(
            ticket=ticket,
            text=self._text(inbound.text),
            author=Author.AGENT,
            sender=sender,
            kind=SendKind.REPLY,
            to=to,
            cc=cc,
            files=tuple(file for file in inbound.files if file.state is FileState.STORED),
            in_reply_to=names.in_reply_to,
            references=names.references,
            rule=Rule.STAFF,
            why=f"One of our staff answered by mail (message {message.id}).",
        )
        return Reply(letter, outgoing(letter, message_id=self.next_id(), signer=self.signer, now=self.now))

    def _text(self, text: Text) -> Text:
        """Cut what is quoted: an agent's mail may quote what customers are not shown."""
        own = self.own_text(text.content)
        return Text(content=own) if own != text.content else text

    def _sender(self, ticket: Ticket, inbound: InboundMessage) -> Party | None:
        """Give the account's address, else the one of ours to which the agent wrote, with the agent's name."""
        written = next((_bare(address) for address in inbound.envelope.rcpt_to), None)
        address = self.policies.senders.get(ticket.account) or written
        return None if address is None else Party(address=address, name=inbound.sender.name)

    def _recipients(self, ticket: Ticket, present: set[str]) -> tuple[tuple[Party, ...], tuple[Party, ...]]:
        """Give To and Cc: requester and participants whom customers may see, without staff and who has it already.

        To is empty only when there is nobody: a mail needs somebody in it. Who takes part from another channel has no
        address of this one, whatever it looks like.
        """
        requester = ticket.requester_party
        to = (requester,) if self._is_missing(ticket, requester.address, present) else ()
        present.add(requester.address.strip().lower())
        here = ((key, address) for key, address in ticket.members.items() if key not in ticket.insiders)
        others = (address for key, address in here if key == address_key(ticket.channel, ticket.account, address))
        cc = tuple(Party(address=one) for one in others if self._is_missing(ticket, one, present))
        return (to, cc) if to else (cc, ())

    def _is_missing(self, ticket: Ticket, address: str, present: Collection[str]) -> bool:
        is_customer = is_somebody(ticket.channel, Party(address=address)) and not self.policies.is_staff(address)
        return is_customer and address.strip().lower() not in present


def _bare(address: str) -> str:
    """Give an address without its signed part."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.removesuffix(f'+r{token_in_address(address)}')}@{domain}"
