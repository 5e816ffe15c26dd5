"""Applies decisions to the view, one message after the other, and remembers what has to be written.

All of it happens in memory between the locks and the writes of one transaction. What one message changes is visible to
the next, so that a batch ends as if each of its messages had been routed alone.
"""

from router.amendments import Amendments
from router.announce import Announcer, Seen
from router.contacts import Contacts
from router.decide import decide, decide_again
from router.incoming import Incoming
from router.linked import LINKED
from router.live import BY_CUSTOMER, note_live, turn
from router.opening import new_ticket
from router.outgoing import OUT
from router.placed import Double, NewTickets, Placed
from router.placement import Placement
from router.policy import Policies
from router.replies import Replies
from router.rules.by_legacy import BY_POLICY
from router.rules.by_proof import seen_by_others
from router.rules.own_mail import is_own
from router.sendings import Sendings
from router.talks import Talks
from router.view import Ticket, View
from schemas.message import Automatic, Kind, Result
from schemas.placement import OPEN, Author, Decision, Outcome, Visibility
from schemas.routing_rows import (
    IdKey,
    KnownRow,
    OutboxRow,
    ParticipantRow,
    QuotedRow,
    ThreadRow,
)

MAX_MEMBERS = 100
"""Participants of one ticket. Whoever is named beyond that is a stranger to it, and held."""


class Placer:
    """One transaction's worth of routing. Without `replies` (no key yet) agents' answers go to nobody."""

    def __init__(
        self,
        *,
        view: View,
        policies: Policies,
        announcer: Announcer,
        new_tickets: NewTickets,
        replies: Replies | None = None,
    ) -> None:
        self.placed: dict[int, Placed] = {}
        self.doubles: list[Double] = []
        self.threads: dict[IdKey, ThreadRow] = {}
        self.quoted: dict[tuple[IdKey, bytes], QuotedRow] = {}
        self.participants: list[ParticipantRow] = []
        self.outbox: list[OutboxRow] = []
        self.talks = Talks(view=view)
        self.contacts = Contacts(view=view)
        self.sendings = Sendings(view=view, announcer=announcer, replies=replies)
        self._view = view
        self._policies = policies
        self._announcer = announcer
        self._new = new_tickets
        self._stored_waiting = frozenset(view.waiting)
        self.amendments = Amendments(view=view, announcer=announcer, placed=self.placed)

    def route(self, message: Incoming) -> None:
        """Decide about one new message and apply it."""
        double = self._double(message)
        if double is not None:
            self.doubles.append(double)
            return
        self._own(message)
        self._begin_album(message)
        self.place(message, decide(message, self._view, self._policies.of(message.message.account)))

    def admit(self, ticket: Ticket, message: Incoming) -> None:
        """Let a message's sender take part: an operator put it on the ticket. Staff and machines take part in none."""
        inbound = message.message
        is_person = inbound.automatic in (Automatic.NO, Automatic.BULK)
        if is_person and not message.anonymous and not message.staff and inbound.verdict.result is not Result.FAIL:
            self._join(ticket, message.sender, inbound.sender.address, "added")

    def place(self, message: Incoming, placement: Placement) -> None:
        """Apply a decision, and release the held messages that waited for this one."""
        self._apply(message, placement)
        released = [message]
        while released:
            released.extend(self._release(released.pop(0)))

    def _release(self, parent: Incoming) -> list[Incoming]:
        """Place the held answers to a message that stands on a ticket now."""
        proposes, found = self._proposes(parent), []
        for child in self._view.children(parent.own) if parent.own else ():
            if not proposes and child.message.kind is not Kind.EDIT:
                continue
            placement = decide_again(child, self._view, self._policies.of(child.message.account))
            if placement is not None:
                self._apply(child, placement)
                found.append(child)
        return found

    def _proposes(self, parent: Incoming) -> bool:
        owner = self._view.owner(parent.own) if parent.own else None
        return owner is not None and owner.id == parent.id and owner.ticket_id is not None

    def _double(self, message: Incoming) -> Double | None:
        """Tell a copy, and the same message to another account, from a reused id (docs/architecture.md)."""
        owner = self._view.owner(message.own) if message.own else None
        fingerprint = message.message.fingerprint
        if owner is None or fingerprint is None or owner.fingerprint != bytes.fromhex(fingerprint):
            return None
        if self._view.takes_over(message):
            return None
        kind = "copy" if owner.account == message.message.account else "also_received"
        return Double(message=message, original=owner.id, kind=kind)

    def _own(self, message: Incoming) -> None:
        """Make the message's own id known, or note that it came before and proposes nothing from now on.

        A mail whose sender's check failed spoils nobody's id, and gives way when the true one comes. What comes with an
        id of ours spoils that one never.
        """
        owner = self._view.owner(message.own) if message.own else None
        if message.own is None or is_own(message) or (owner is not None and owner.direction == OUT):
            return
        row = self._view.threads[message.own]
        if row.known_message_id is None or self._view.takes_over(message):
            row = row._replace(known_message_id=message.id)
        elif message.message.verdict.result is not Result.FAIL:
            row = row._replace(reused=True)
        self.threads[message.own] = self._view.threads[message.own] = row

    def _begin_album(self, message: Incoming) -> None:
        """Let further parts of an album find its first one."""
        row = self._view.threads[message.album] if message.album else None
        if row is None or message.album is None or not self._is_proven(message):
            return
        if row.known_message_id is None:
            row = row._replace(known_message_id=message.id)
            self.threads[message.album] = self._view.threads[message.album] = row

    def _apply(self, message: Incoming, placement: Placement) -> None:
        ticket = self._open(message, placement) if placement.outcome is Outcome.OPENED else placement.ticket
        message = message if ticket is None else message.named_as(ticket.requester_party, ticket.requester)
        decision = placement.decision
        if ticket is not None and decision.ticket != ticket.number:
            decision = Decision.complete(**(decision.__dict__ | {"ticket": ticket.number}))
        stored = message.id in self._stored_waiting
        placed = Placed(
            message=message,
            decision=decision,
            ticket=ticket,
            stored=stored,
            author=placement.author,
            visibility=placement.visibility,
            part_of=None if placement.amends is None or placement.amends.part else placement.amends.message_id,
        )
        self.placed[message.id] = placed
        self._remember(message, placed)
        if ticket is not None:
            self._add(ticket, placed)
        elif placed.state == "held":
            self._view.add_waiting(message)
        self._follow(message, placement, ticket)

    def _follow(self, message: Incoming, placement: Placement, ticket: Ticket | None) -> None:
        """Do what a placement asks for beside the message's own place."""
        if ticket is not None and placement.sends_on:
            self.outbox.extend(self.sendings.answer(ticket, message))
        one = () if placement.delivery is None else (placement.delivery,)
        for delivery in (*one, *placement.deliveries):
            self.outbox.extend(self.sendings.deliver(delivery))
        if message.conversation is not None and self._is_proven(message):
            self.contacts.hear(message)
            self.sendings.hear_early(message)
        if placement.amends is not None:
            self.outbox.extend(self.amendments.apply(message, placement.amends))
        if placement.binds is not None and ticket is not None:
            self._view.old.bind(placement.binds, ticket.id, by=BY_POLICY, at=self._announcer.now)
        if placement.forward_to:
            self.sendings.forward(message, placement.forward_to)
        if message.proof is not None:
            self._prove(message, placement, ticket)
        if placement.turns is not None:
            self.outbox.extend(turn(placement.turns, self._announcer, BY_CUSTOMER))
        if placement.is_ours is not None and message.own is not None:
            row = self._view.threads[message.own]._replace(known_message_id=placement.is_ours)
            self.threads[message.own] = self._view.threads[message.own] = row

    def _prove(self, message: Incoming, placement: Placement, ticket: Ticket | None) -> None:
        """Let somebody who proved to be a ticket's requester take part in it; count what proves nothing."""
        ticket = placement.proves_on or ticket
        if placement.proves is None or ticket is None:
            if not (seen_by_others(message, self._view) and self.talks.spend(message)):
                self.talks.count_wrong(message)
            return
        self._join(ticket, message.sender, message.message.sender.address, LINKED)
        self.talks.prove(ticket, message, placement.proves)

    def _open(self, message: Incoming, placement: Placement) -> Ticket:
        ticket = new_ticket(message, placement, self._new, proven=self._is_proven(message))
        self._view.add_ticket(ticket)
        self._join(ticket, message.sender, message.message.sender.address, "requester")
        return ticket

    def _remember(self, message: Incoming, placed: Placed) -> None:
        """Make the message findable by its own id."""
        self._view.waiting.pop(message.id, None)
        inbound = message.message
        self._view.messages[message.id] = KnownRow(
            message.id,
            placed.ticket.id if placed.ticket else None,
            placed.state,
            inbound.account,
            message.sender,
            bytes.fromhex(inbound.fingerprint) if inbound.fingerprint else None,
            inbound.verdict.result,
            author=placed.author,
            visibility=placed.visibility,
            conversation=message.conversation,
            part_of=placed.part_of,
        )

    def _add(self, ticket: Ticket, placed: Placed) -> None:
        """Put the message on the ticket: count, people, ids, events.

        What is internal or unverified brings nobody in; what is unverified is nobody's word about ids, either.
        """
        message, decision = placed.message, placed.decision
        if decision.reopened:
            self._reopen(ticket)
        note_live(ticket, placed, self._policies.of(message.message.account), begins=decision.reopened)
        ticket.message_count += 1
        ticket.last_message_at = max(ticket.last_message_at, message.message.received_at)
        if placed.visibility is Visibility.PUBLIC:
            self._admit(ticket, placed)
        if placed.visibility is not Visibility.UNVERIFIED:
            self._quote(ticket, placed)
        opened = ticket.version == 0
        seen = Seen(decision.rule, placed.author, placed.visibility)
        self.outbox.append(self._announcer.placed(ticket, message, seen, opened=opened))

    def _reopen(self, ticket: Ticket) -> None:
        previous, ticket.status, ticket.closed_at = ticket.status, OPEN, None
        self._view.add_ticket(ticket)
        self.outbox.append(self._announcer.reopened(ticket, previous=previous))

    def _admit(self, ticket: Ticket, placed: Placed) -> None:
        """Let those whom the requester or an agent names take part, unless the check of the sender failed.

        Whoever writes in a group takes part in its ticket.
        """
        message = placed.message
        speaks = message.sender == ticket.requester or placed.author is Author.AGENT
        if speaks and message.message.verdict.result is not Result.FAIL:
            for member in message.members:
                self._join(ticket, member.key, member.address, "recipient")
        if message.conversation is None or message.anonymous or not self._is_proven(message):
            return
        self.talks.settle(ticket, placed)
        if message.is_group and placed.author is Author.CUSTOMER:
            self._join(ticket, message.sender, message.message.sender.address, "recipient")

    def _join(self, ticket: Ticket, key: bytes, address: str, role: str) -> None:
        if key not in ticket.members and len(ticket.members) < MAX_MEMBERS and address.strip():
            ticket.members[key] = address
            self.participants.append(ParticipantRow(ticket.id, key, address, role))

    def _quote(self, ticket: Ticket, placed: Placed) -> None:
        """Index the ids that nobody here owns for their sender, if that is who it says: the first message of each."""
        message = placed.message
        if message.anonymous or message.conversation is not None or not self._is_proven(message):
            return
        for quote in message.quoted:
            place = (quote.key, message.sender)
            if self._view.owner(quote.key) is None and place not in self._view.quoted:
                row = QuotedRow(*quote.key, message.sender, message.id, ticket.id, visibility=placed.visibility)
                self._view.quoted[place] = self.quoted[place] = row

    def _is_proven(self, message: Incoming) -> bool:
        return self._policies.of(message.message.account).trusts(message.message.verdict.result)
