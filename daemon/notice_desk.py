"""Where notices meet the store and the router's messages of ours: the transactions of the notices' worker."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter

from lifecycle.notice_worker import FilledNotice
from router.conversations_out import Conversation, conversation_of
from router.incoming import MAIL
from router.system import Announcement, Voice
from router.tokens import Signer, SigningKey
from schemas.base import MAX_QUOTED_IDS
from schemas.message import Party, ThreadId
from schemas.notice_rows import DueNotice, SettledNotice, SpentRow, TakenNotice
from schemas.outbound_rows import ConversationRow
from schemas.placement import NoticeReason
from ticket_store.instance import Instance
from ticket_store.notices import NoticeStore, NoticeTransaction

if TYPE_CHECKING:
    from router.view import Ticket

WHY: Final[Mapping[str, str]] = {
    NoticeReason.REFUSED_FILE: "The system told the sender that a file was refused.",
    NoticeReason.RECEIPT: "The system told the sender that the message has arrived.",
    NoticeReason.HELD: "The system told the sender that the message was set aside.",
}
_IDS: Final = TypeAdapter(tuple[ThreadId, ...])


class NoticeDesk:
    """One open transaction; see `lifecycle.notice_worker.NoticeDesk`."""

    def __init__(self, *, transaction: NoticeTransaction, instance: Instance, now: datetime) -> None:
        self._transaction = transaction
        self._instance = instance
        self._now = now
        self._voice: Voice | None = None
        self._tickets: dict[int, Ticket] = {}

    async def take(self, limit: int) -> Sequence[TakenNotice]:
        """Lock due notices, and then their tickets."""
        taken = await self._transaction.take(limit)
        if taken:
            keys = [
                SigningKey(id=key.id, secret=key.secret, retired=key.retired)
                for key in await self._transaction.signing_keys()
            ]
            signer = Signer(instance_id=self._instance.instance_id, keys=keys)
            self._voice = Voice(signer=signer, source=self._instance.source, now=self._now)
            ticket_ids = [row.ticket_id for row in taken if row.ticket_id is not None]
            self._tickets = await self._voice.lock(self._transaction, ticket_ids)
        return taken

    async def facts(self, ids: Collection[int]) -> Sequence[DueNotice]:
        """Read what taken notices are about."""
        return await self._transaction.facts(ids)

    async def spent(self, address_keys: Collection[bytes], since: datetime) -> Sequence[SpentRow]:
        """Count what these addresses got."""
        return await self._transaction.spent(address_keys, since)

    async def tell(self, filled: Sequence[FilledNotice]) -> Sequence[int]:
        """Write each as a message of ours and queue it."""
        if self._voice is None:
            raise RuntimeError("nothing was taken")
        return await self._voice.speak(self._transaction, [_announcement(one) for one in filled], self._tickets)

    async def settle(self, settled: Sequence[SettledNotice], now: datetime) -> None:
        """Say what became of taken notices."""
        await self._transaction.settle(settled, now)


class NoticeDesks:
    """Opens desks on a store."""

    def __init__(self, *, store: NoticeStore, instance: Instance) -> None:
        self._store = store
        self._instance = instance

    @asynccontextmanager
    async def __call__(self, now: datetime) -> AsyncIterator[NoticeDesk]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        async with self._store.transaction() as transaction:
            yield NoticeDesk(transaction=transaction, instance=self._instance, now=now)


def _announcement(one: FilledNotice) -> Announcement:
    notice = one.notice
    answered, references = _threading(notice.details.get("thread", {}))
    conversation = _conversation(notice) if notice.channel != MAIL else None
    if conversation is not None:
        answered, references = conversation.answered, ()
    return Announcement(
        ticket_id=notice.ticket_id,
        account=notice.account,
        channel=notice.channel,
        scope=notice.scope,
        sender=one.sender,
        to=Party(address=notice.address) if conversation is None else conversation.party,
        subject=one.subject,
        text=one.text,
        why=WHY[notice.reason],
        in_reply_to=answered,
        references=references,
        conversation=conversation,
    )


def _conversation(notice: DueNotice) -> Conversation:
    """Give the conversation in which its message was written; the router has seen that it is known whole."""
    thread, facts = notice.details["thread"], notice.details.get("details", {})
    row = ConversationRow(
        channel=notice.channel,
        account=notice.account,
        conversation=thread["conversation"]["shown"],
        is_group=facts.get("group") is True,
        own=(thread.get("own") or {}).get("shown", ""),
        moved_to=None,
    )
    return conversation_of(row)


def _threading(thread: Mapping[str, Any]) -> tuple[tuple[ThreadId, ...], tuple[ThreadId, ...]]:
    """Give In-Reply-To and References of an answer to a message (RFC 5322 section 3.6.4)."""
    own = _IDS.validate_python([thread["own"]] if thread.get("own") else [])
    before = _IDS.validate_python(thread.get("references") or thread.get("in_reply_to") or [])
    return own, (*before, *own)[-MAX_QUOTED_IDS:]
