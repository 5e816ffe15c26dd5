"""What the router knows while it decides: rows of the store, read under locks, and what this batch has added to them.

Nothing in here reaches out: a rule asks the view, and the placer tells it what became of each message, so that the next
message of the same batch is decided as if the one before it were stored already.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

from router.incoming import Incoming
from router.legacy_view import OldTickets
from router.linked import LINKED
from schemas.conversation_rows import AmendableRow, ContactRow, TalkRow
from schemas.identity_rows import ProofRow
from schemas.message import Party, Result
from schemas.outbound_rows import SpokenRow
from schemas.placement import OPEN, Visibility
from schemas.routing_rows import IdKey, KnownRow, ParticipantRow, QuotedRow, ThreadRow, TicketRow
from schemas.sending_rows import SentRow

MERGES: Final = 16
"""Merges that are followed from one ticket to the next; a longer chain, or a ring, leads nowhere."""

INSIDER: Final = "internal"
"""Role of a participant whom customers are not shown."""


@dataclass(slots=True, kw_only=True, eq=False)
class Ticket:
    """A ticket that a message may join. `stored_version` 0 means that this batch opened it.

    `insiders` are members whom customers are not shown, nor what they write. `conversation` is the chat in which it was
    opened, `linked` who was proven to be the requester on another channel.
    """

    id: int
    number: str
    scope: str
    account: str
    channel: str
    subject: str
    subject_base: str
    match: bytes
    requester: bytes
    requester_party: Party
    status: str = OPEN
    version: int = 0
    stored_version: int = 0
    message_count: int = 0
    continues_id: int | None = None
    continues_number: str | None = None
    merged_into_id: int | None = None
    merged_into_number: str | None = None
    created_at: datetime
    last_message_at: datetime
    closed_at: datetime | None = None
    live: bool = False
    live_until: datetime | None = None
    conversation: bytes | None = None
    members: dict[bytes, str] = field(default_factory=dict)
    insiders: set[bytes] = field(default_factory=set)
    linked: set[bytes] = field(default_factory=set)

    @classmethod
    def stored(cls, row: TicketRow, continues_number: str | None) -> Self:
        """Take a ticket from its row; participants are added by the view."""
        return cls(
            id=row.id,
            number=row.number,
            scope=row.scope,
            account=row.account,
            channel=row.channel,
            subject=row.subject,
            subject_base=row.subject_base,
            match=row.match_key,
            requester=row.requester_key,
            requester_party=Party(address=row.requester_address, name=row.requester_name),
            status=row.status,
            version=row.version,
            stored_version=row.version,
            message_count=row.message_count,
            continues_id=row.continues_id,
            continues_number=continues_number,
            created_at=row.created_at,
            last_message_at=row.last_message_at,
            closed_at=row.closed_at,
            merged_into_id=row.merged_into_id,
            live=row.live,
            live_until=row.live_until,
            conversation=row.conversation,
        )

    @property
    def changed(self) -> bool:
        """Whether this batch did anything to it."""
        return self.version != self.stored_version


class View:
    """Rows by the keys that rules ask for."""

    def __init__(self) -> None:
        self.threads: dict[IdKey, ThreadRow] = {}
        self.messages: dict[int, KnownRow] = {}
        self.quoted: dict[tuple[IdKey, bytes], QuotedRow] = {}
        self.tickets: dict[int, Ticket] = {}
        self.matches: defaultdict[bytes, dict[int, None]] = defaultdict(dict)
        self.successors: defaultdict[int, dict[int, None]] = defaultdict(dict)
        self.held: defaultdict[IdKey, dict[int, None]] = defaultdict(dict)
        self.waiting: dict[int, Incoming] = {}
        self.numbers: dict[str, int] = {}
        self.sent: dict[int, SentRow] = {}
        self.spoken: defaultdict[int, list[SpokenRow]] = defaultdict(list)
        self.unseen: set[int] = set()
        self.asked: set[int] = set()
        self.talks: dict[bytes, TalkRow] = {}
        self.proofs: dict[bytes, ProofRow] = {}
        self.amendable: dict[int, AmendableRow] = {}
        self.contacts: dict[tuple[str, bytes], ContactRow] = {}
        self.own_parts: dict[tuple[str, str], int] = {}
        self.under_way: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
        self.sent_before: defaultdict[int, list[int]] = defaultdict(list)
        self.old = OldTickets()

    def add_threads(self, rows: Iterable[ThreadRow]) -> None:
        """Take locked ids."""
        for row in rows:
            self.threads[row.scope, row.digest] = row

    def add_quoted(self, rows: Iterable[QuotedRow]) -> None:
        """Take rows about quoted ids."""
        for row in rows:
            self.quoted[(row.scope, row.digest), row.address_key] = row
            if row.visibility == Visibility.INTERNAL:
                self.unseen.add(row.message_id)

    def add_ticket(self, ticket: Ticket) -> None:
        """Take a ticket, and make an open one findable by its sender and subject, and by the ticket that it follows."""
        self.tickets[ticket.id] = ticket
        if ticket.closed_at is None:
            self.matches[ticket.match][ticket.id] = None
            if ticket.continues_id is not None:
                self.successors[ticket.continues_id][ticket.id] = None

    def add_participants(self, rows: Iterable[ParticipantRow]) -> None:
        """Take participants of tickets that are here."""
        for row in rows:
            ticket = self.tickets[row.ticket_id]
            ticket.members[row.address_key] = row.address
            if row.role == INSIDER:
                ticket.insiders.add(row.address_key)
            elif row.role == LINKED:
                ticket.linked.add(row.address_key)

    def add_waiting(self, message: Incoming) -> None:
        """Take a held message, to be found by the ids that it quotes."""
        self.waiting[message.id] = message
        for quote in message.quoted:
            self.held[quote.key][message.id] = None

    def add_talks(self, rows: Iterable[TalkRow]) -> None:
        """Take locked conversations."""
        self.talks |= {row.digest: row for row in rows}

    def add_proofs(self, rows: Iterable[ProofRow]) -> None:
        """Take locked proofs of identity."""
        self.proofs |= {row.digest: row for row in rows}

    def add_sent(self, rows: Iterable[SentRow]) -> None:
        """Take messages of ours about which somebody reports."""
        self.sent |= {row.message_id: row for row in rows}

    def add_spoken(self, rows: Iterable[tuple[int, SpokenRow]]) -> None:
        """Take the latest messages of tickets that staff answers, the newest first."""
        for ticket_id, row in rows:
            self.spoken[ticket_id].append(row)

    def owner(self, key: IdKey) -> KnownRow | None:
        """Give the message whose own id this is."""
        row = self.threads.get(key)
        return self.messages.get(row.known_message_id) if row and row.known_message_id is not None else None

    def talk(self, message: Incoming) -> TalkRow | None:
        """Give the conversation in which a message was written; None for mail."""
        return None if message.conversation is None else self.talks.get(message.conversation)

    def whole(self, found: KnownRow | None) -> KnownRow | None:
        """Give the message of which this one is a part, itself unless it came in an album."""
        return found if found is None or found.part_of is None else self.messages.get(found.part_of)

    def owner_of_own(self, message: Incoming) -> KnownRow | None:
        """Give the message that has this one's own id already."""
        return self.owner(message.own) if message.own else None

    def takes_over(self, message: Incoming) -> bool:
        """Whether the message's id belongs so far to one whose sender's check failed, as this one's did not."""
        owner = self.owner(message.own) if message.own else None
        return owner is not None and owner.verdict == Result.FAIL and message.message.verdict.result != Result.FAIL

    def is_reused(self, key: IdKey) -> bool:
        """Whether several messages came with this id."""
        row = self.threads.get(key)
        return row is not None and row.reused

    def quoted_by(self, key: IdKey, address: bytes) -> QuotedRow | None:
        """Give the first message on a ticket by which this sender quoted the id."""
        return self.quoted.get((key, address))

    def ticket(self, ticket_id: int | None) -> Ticket | None:
        """Give a ticket that was read; None for none."""
        return None if ticket_id is None else self.tickets.get(ticket_id)

    def onward(self, ticket: Ticket) -> list[Ticket]:
        """Give the tickets into which this one was merged, one after the other; each of them may be reopened, too."""
        found: list[Ticket] = []
        onto = self.ticket(ticket.merged_into_id)
        while onto is not None and onto is not ticket and onto not in found:
            found.append(onto)
            onto = self.ticket(onto.merged_into_id)
        return found

    def standing(self, ticket_id: int | None) -> Ticket | None:
        """Give the ticket on which this one goes on, itself unless it was merged; None when the chain has no end."""
        ticket = self.ticket(ticket_id)
        for _ in range(MERGES + 1):
            if ticket is None or ticket.merged_into_id is None:
                return ticket
            ticket = self.ticket(ticket.merged_into_id)
        return None

    def is_internal(self, message_id: int | None) -> bool:
        """Whether customers are not shown this message, as far as it was read."""
        found = None if message_id is None else self.messages.get(message_id)
        return message_id in self.unseen or (found is not None and found.visibility == Visibility.INTERNAL)

    def open_matches(self, match: bytes) -> Iterator[Ticket]:
        """Give the open tickets of one account, requester and subject."""
        return (t for t in map(self.tickets.get, self.matches.get(match, ())) if t is not None and t.closed_at is None)

    def open_successors(self, ticket: Ticket) -> list[Ticket]:
        """Give the open tickets that continue this one, the newest first."""
        found = map(self.tickets.get, self.successors.get(ticket.id, ()))
        return sorted((t for t in found if t and t.closed_at is None), key=lambda t: t.id, reverse=True)

    def predecessors(self, ticket: Ticket) -> Iterator[int]:
        """Give the ids of the tickets that this one continues, the nearest first, as far as they are here."""
        seen: set[int] = set()
        at: Ticket | None = ticket
        while at is not None and at.continues_id is not None and at.continues_id not in seen:
            seen.add(at.continues_id)
            yield at.continues_id
            at = self.tickets.get(at.continues_id)

    def children(self, key: IdKey) -> list[Incoming]:
        """Give the held messages that quote this id, in the order they came."""
        found = (self.waiting[message_id] for message_id in self.held.get(key, ()) if message_id in self.waiting)
        return sorted(found, key=lambda child: (child.message.received_at, child.id))
