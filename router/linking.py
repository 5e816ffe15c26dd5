"""Inviting the requester of a ticket to prove on another channel who they are, and undoing what a proof linked."""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from router.expected import no_such_ticket
from router.incoming import MAIL
from router.keys import Keyring
from router.linked import LINKED
from router.outbound import locked
from router.outbound_ports import OutboundStore, OutboundTransaction
from router.patience import patiently
from router.tending import NotTendedError, locked_view
from schemas.changes import Changes
from schemas.conversation_rows import ConversationKey
from schemas.identity_rows import LinkRow, NewProofRow
from schemas.placement import SPAM
from schemas.proofs import ALPHABET, CODE_LETTERS, RANDOM_OCTETS, code_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What the requester is given, by a way that reaches nobody else. Either may be used, and once."""

    ticket: str
    scope: str
    channel: str
    payload: str = field(repr=False)
    code: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlinked:
    """Who is the requester of a ticket no more, by channel and address."""

    ticket: str
    people: tuple[tuple[str, str], ...]


class Linking:
    """Every call is one transaction."""

    def __init__(self, *, store: OutboundStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock

    async def invite(
        self, number: str, *, channel: str, lasts: timedelta, by: str, scopes: Collection[str] = ()
    ) -> Invitation:
        """Make a proof for the requester of a ticket, to be brought on this channel. Raises `NotTendedError`.

        `scopes` are those of the channel's accounts, if anybody knows: a proof counts in the ticket's own alone.
        """
        if channel == MAIL:
            raise NotTendedError("a proof is brought in a chat: name a channel that has some")
        signer = await Keyring(store=self._store, clock=self._clock).signer()
        payload = signer.payload(secrets.token_bytes(RANDOM_OCTETS)).text()
        code = code_of([secrets.randbelow(len(ALPHABET)) for _ in range(CODE_LETTERS - 1)])
        digests = [signer.proof_digest(payload), signer.proof_digest(code)]
        async with self._store.transaction() as transaction:
            ticket = await locked(transaction, number)
            if ticket.status == SPAM:
                raise NotTendedError("this ticket is spam: `tickets reopen` it first if it is none")
            if scopes and ticket.scope not in scopes:
                raise NotTendedError(f"no account of {channel} shares tickets with this one: give it the same scope")
            now = self._clock()
            expires, twin = now + lasts, secrets.token_bytes(RANDOM_OCTETS)
            rows = [NewProofRow(digest, ticket.id, ticket.scope, channel, by, now, expires, twin) for digest in digests]
            await transaction.keep_proofs(rows)
        return Invitation(
            ticket=ticket.number, scope=ticket.scope, channel=channel, payload=payload, code=code, expires_at=expires
        )

    async def unlink(self, number: str, *, address: str = "", by: str) -> Unlinked:
        """Undo the links of a ticket, or those of one address. Raises `NotTendedError` when there is none.

        Links to tickets that go on as this one are undone with them, and where a linked ticket went on by a merge, too.
        What was written meanwhile stays where it is; the next message of the conversation opens a ticket of its own.
        """
        return await patiently(self._store, lambda: self._unlink(number, address, by))

    async def _unlink(self, number: str, address: str, by: str) -> Unlinked:
        async with self._store.transaction() as transaction:
            found = await transaction.tickets_by_numbers([number])
            if number not in found:
                raise no_such_ticket(number)
            ticket_id = found[number]
            links = _of(await transaction.links_of(ticket_id), address)
            if not links:
                raise NotTendedError("nobody was proven to be its requester on another channel")
            await self._undo(transaction, links, by)
        return Unlinked(ticket=number, people=tuple((link.channel, link.address) for link in links))

    async def _undo(self, transaction: OutboundTransaction, links: Sequence[LinkRow], by: str) -> None:
        """Undo under the locks of the conversations, then the tickets: those linked to, and all on which they go on."""
        keys = {ConversationKey(link.conversation, "", link.channel, link.account) for link in links}
        talks = await transaction.lock_conversations(keys)
        view = await locked_view(transaction, {link.ticket_id for link in links})
        for link in links:
            await transaction.undo_link(link.id, by=by, now=self._clock())
            await transaction.dismiss(link.ticket_id, [link.person_key], role=LINKED)
        for link in links:
            for other in view.onward(view.tickets[link.ticket_id]):
                await transaction.dismiss_merged(other.id, [link.person_key])
        left = [talk._replace(ticket_id=None) for talk in talks if talk.ticket_id in view.tickets]
        await transaction.write(Changes(conversations=left))


def _of(links: Sequence[LinkRow], address: str) -> list[LinkRow]:
    return [link for link in links if address in ("", link.address)]
