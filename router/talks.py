"""Where conversations go on: what a routing transaction changes of their rows."""

from router.incoming import Incoming
from router.placed import Placed
from router.rules.by_proof import GUESSES_WITHIN
from router.view import Ticket, View
from schemas.conversation_rows import TalkRow
from schemas.identity_rows import NewLinkRow, ProofRow, UsedProofRow
from schemas.placement import Author


class Talks:
    """Collects rows. What one message changes is seen by the next one of its conversation."""

    def __init__(self, *, view: View) -> None:
        self.rows: dict[bytes, TalkRow] = {}
        self.used: list[UsedProofRow] = []
        self.links: list[NewLinkRow] = []
        self._view = view

    def settle(self, ticket: Ticket, placed: Placed) -> None:
        """Let the conversation of a proven customer's public message go on where that one went."""
        message = placed.message
        talk = self._view.talk(message)
        if talk is None or placed.author is not Author.CUSTOMER or not self._is_theirs(talk, ticket, message):
            return
        person = None if message.is_group else message.sender
        self._set(talk, talk._replace(ticket_id=ticket.id, person_key=person, is_group=message.is_group))

    def prove(self, ticket: Ticket, message: Incoming, proof: ProofRow) -> None:
        """Link the conversation's person to the ticket's requester; the proof, and its twin, are used."""
        talk, inbound = self._view.talk(message), message.message
        if talk is None:
            return
        self._set(talk, talk._replace(ticket_id=ticket.id, person_key=message.sender, wrong_proofs=0, wrong_since=None))
        self._use(proof, talk, message)
        self.links.append(
            NewLinkRow(
                ticket_id=ticket.id,
                requester_key=ticket.requester,
                person_key=message.sender,
                channel=inbound.channel,
                account=inbound.account,
                address=inbound.sender.address,
                name=inbound.sender.name,
                conversation=talk.digest,
                message_id=message.id,
                made_by=proof.made_by,
                linked_at=inbound.received_at,
            )
        )

    def spend(self, message: Incoming) -> bool:
        """Let a proof that others saw, and its twin, be used up; False when it is none that we gave out."""
        talk, digests = self._view.talk(message), message.proof.digests if message.proof is not None else ()
        shown = [self._view.proofs[digest] for digest in digests if digest in self._view.proofs]
        for row in shown:
            if talk is not None and row.used_at is None:
                self._use(row, talk, message)
        return bool(shown)

    def count_wrong(self, message: Incoming) -> None:
        """Count a proof that proved nothing, as far as it looks like one of ours."""
        talk = self._view.talk(message)
        if talk is None or message.proof is None or not message.proof.is_form:
            return
        at = message.message.received_at
        is_new = talk.wrong_since is None or at - talk.wrong_since >= GUESSES_WITHIN
        count, since = (1, at) if is_new else (talk.wrong_proofs + 1, talk.wrong_since)
        self._set(talk, talk._replace(wrong_proofs=count, wrong_since=since))

    def _use(self, proof: ProofRow, talk: TalkRow, message: Incoming) -> None:
        at = message.message.received_at
        self.used.append(UsedProofRow(proof.twin, at, talk.digest))
        for row in list(self._view.proofs.values()):
            if row.twin == proof.twin:
                self._view.proofs[row.digest] = row._replace(used_at=at)

    def _is_theirs(self, talk: TalkRow, ticket: Ticket, message: Incoming) -> bool:
        """Whether the conversation may lead there: a group only to what began in it, a private chat by its person."""
        if message.is_group:
            return ticket.conversation == message.conversation
        return talk.person_key in (None, message.sender)

    def _set(self, before: TalkRow, row: TalkRow) -> None:
        if row != before:
            self.rows[row.digest] = self._view.talks[row.digest] = row
