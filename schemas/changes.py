"""Everything that one transaction of the router writes, apart from offsets and claims."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.conversation_rows import AmendedRow, ContactRow, EarlierRow, EarlyRow, TalkRow
from schemas.identity_rows import NewLinkRow, UsedProofRow
from schemas.legacy import (
    BoundRow,
)
from schemas.media_rows import FetchRow
from schemas.notice_rows import (
    NoticeRow,
)
from schemas.revision_rows import (
    RevisedRow,
)
from schemas.routing_rows import (
    BlobRefRow,
    DeadLetterRow,
    DuplicateRow,
    HeldIdRow,
    MessageRow,
    NewcomerRow,
    OutboxRow,
    ParticipantRow,
    PlacedRow,
    QuotedRow,
    SpoolRow,
    ThreadRow,
    TicketChange,
    TicketRow,
)
from schemas.sending_rows import (
    DeliveryRow,
    SendRow,
)


@dataclass(slots=True, kw_only=True)
class Changes:
    """Everything that one transaction writes, apart from offsets and claims."""

    tickets: Sequence[TicketRow] = ()
    ticket_changes: Sequence[TicketChange] = ()
    messages: Sequence[MessageRow] = ()
    placed: Sequence[PlacedRow] = ()
    participants: Sequence[ParticipantRow] = ()
    threads: Sequence[ThreadRow] = ()
    own_threads: Sequence[ThreadRow] = ()
    quoted: Sequence[QuotedRow] = ()
    held_ids: Sequence[HeldIdRow] = ()
    spool: Sequence[SpoolRow] = ()
    duplicates: Sequence[DuplicateRow] = ()
    blobs: Sequence[BlobRefRow] = ()
    sends: Sequence[SendRow] = ()
    notices: Sequence[NoticeRow] = ()
    deliveries: Sequence[DeliveryRow] = ()
    conversations: Sequence[TalkRow] = ()
    amended: Sequence[AmendedRow] = ()
    earlier: Sequence[EarlierRow] = ()
    contacts: Sequence[ContactRow] = ()
    early: Sequence[EarlyRow] = ()
    fetches: Sequence[FetchRow] = ()
    used_proofs: Sequence[UsedProofRow] = ()
    links: Sequence[NewLinkRow] = ()
    bound: Sequence[BoundRow] = ()
    newcomers: Sequence[NewcomerRow] = ()
    revised: Sequence[RevisedRow] = ()
    outbox: Sequence[OutboxRow] = ()
    dead_letters: Sequence[DeadLetterRow] = ()
