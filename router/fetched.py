"""A file that was fetched, or never will be: brought to all messages on which it stands, under their tickets' locks."""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from router.announce import Announcer, Seen
from router.incoming import Incoming, receive
from router.notify import late_refusal
from router.outbound_ports import OutboundTransaction
from router.patience import Judge, patiently
from router.policy import Policies
from router.stored import details_of, message_of
from router.tending import locked_view
from router.view import View
from router.writing import change_of
from schemas.changes import Changes
from schemas.conversation_rows import AmendableRow, AmendedRow
from schemas.media_rows import DueFetch, FetchResult
from schemas.message import BlobRef, File, FileState, InboundMessage
from schemas.notice_rows import NoticeRow
from schemas.placement import Author, Rule, Visibility
from schemas.routing_rows import OutboxRow

MOVES: Final = 5
"""Times that a message may move to another ticket between our look and our locks."""


class FetchTransaction(OutboundTransaction, Protocol):
    """One open transaction. The order of locks is the router's."""

    async def fetch_targets(self, message_id: int) -> Sequence[tuple[int, int | None]]:
        """Give the messages on which a file of this one may stand, and their tickets; locks nothing."""
        ...

    async def settle_fetch(self, result: FetchResult) -> bool:
        """Say what became of a file; False when the claim was lost."""
        ...

    async def name_blob(self, sha256: bytes, message_ids: Collection[int]) -> None:
        """Keep a blob for messages."""
        ...

    async def call_notice(self, row: NoticeRow) -> None:
        """Let somebody be told, once for a message and reason."""
        ...


class FetchStore(Judge, Protocol):
    """Makes transactions and judges their failures."""

    def transaction(self) -> AbstractAsyncContextManager[FetchTransaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a file. `blob` when it is stored; `size` of a refused one, if it is known; `reason` for people."""

    state: FileState
    blob: BlobRef | None = None
    size: int | None = None
    reason: str = ""


class Fetched:
    """Writes what became of files."""

    def __init__(self, *, store: FetchStore, policies: Policies, source: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._policies = policies
        self._source = source
        self._clock = clock

    async def settle(self, fetch: DueFetch, outcome: Outcome) -> bool:
        """Bring a file to its messages, with an event on each ticket; False when the claim was lost."""
        for _ in range(MOVES):
            done = await patiently(self._store, lambda: self._settle(fetch, outcome))
            if done is not None:
                return done
        return False

    async def _settle(self, fetch: DueFetch, outcome: Outcome) -> bool | None:
        """Settle it; None when a message moved meanwhile: then nothing is written."""
        now = self._clock()
        async with self._store.transaction() as transaction:
            targets = dict(await transaction.fetch_targets(fetch.message_id))
            view = await locked_view(transaction, {one for one in targets.values() if one is not None})
            rows = await transaction.lock_amendable(targets.keys())
            if any(targets[row.id] != row.ticket_id for row in rows):
                return None
            if not await transaction.settle_fetch(_result(fetch, outcome, now)):
                return False
            changed = {row.id: after for row in rows if (after := _with_file(row, fetch, outcome)) is not None}
            await self._write(transaction, [row for row in rows if row.id in changed], changed, view, now)
            if outcome.blob is not None:
                await transaction.name_blob(bytes.fromhex(outcome.blob.sha256), changed)
        return True

    async def _write(
        self,
        transaction: FetchTransaction,
        rows: Sequence[AmendableRow],
        changed: dict[int, InboundMessage],
        view: View,
        now: datetime,
    ) -> None:
        announcer = Announcer(source=self._source, now=now)
        amended, events = [], []
        for row in rows:
            after = changed[row.id]
            html = None if after.html is None else after.html.content
            amended.append(AmendedRow(row.id, after.text.content, html, details_of(after)))
            events += _event(announcer, view, row, self._incoming(row, after))
            notice = late_refusal(row, self._incoming(row, after), self._policies, now)
            if notice is not None:
                await transaction.call_notice(notice)
        tickets = [change_of(ticket) for ticket in view.tickets.values() if ticket.changed]
        await transaction.write(Changes(amended=amended, ticket_changes=tickets, outbox=events))

    def _incoming(self, row: AmendableRow, message: InboundMessage) -> Incoming:
        return receive(message, message_id=row.id, policies=self._policies)


def _event(announcer: Announcer, view: View, row: AmendableRow, message: Incoming) -> list[OutboxRow]:
    ticket = view.ticket(row.ticket_id)
    if ticket is None:
        return []
    return [announcer.revised(ticket, message, Seen(Rule(row.rule), Author(row.author), Visibility(row.visibility)))]


def _with_file(row: AmendableRow, fetch: DueFetch, outcome: Outcome) -> InboundMessage | None:
    """Give the message with the file as it is now; None when none of its files waits for this one."""
    before = message_of(row.message)
    files = tuple(_now(file, outcome) if _is_awaited(file, fetch) else file for file in before.files)
    return before.model_copy(update={"files": files}) if files != before.files else None


def _is_awaited(file: File, fetch: DueFetch) -> bool:
    return file.platform_id == fetch.platform_id and file.state is FileState.PENDING


def _now(file: File, outcome: Outcome) -> File:
    size = outcome.blob.size if outcome.blob is not None else outcome.size if outcome.size is not None else file.size
    known = {"state": outcome.state, "blob": outcome.blob, "size": size, "reason": outcome.reason[:255]}
    return file.model_copy(update=known)


def _result(fetch: DueFetch, outcome: Outcome, now: datetime) -> FetchResult:
    blob = outcome.blob
    return FetchResult(
        message_id=fetch.message_id,
        platform_id=fetch.platform_id,
        attempt=fetch.attempt,
        state=outcome.state,
        problem=outcome.reason,
        sha256=bytes.fromhex(blob.sha256) if blob is not None else None,
        size=blob.size if blob is not None else outcome.size,
        now=now,
    )
