"""Sends due notices: keeps the limits, fills the texts in, and hands them on as messages of ours.

A batch is one transaction. The store gives it to one worker at a time, so that two cannot pass a limit together; a
crash before the commit leaves every notice due, and one after it has queued each exactly once.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from lifecycle.notice_texts import Filled, NoticeText, NoticeTextError, read_text
from lifecycle.notices import DAY, AccountNotices, Limits, choose, variables
from schemas.message import Party
from schemas.notice_rows import DueNotice, SettledNotice, SpentRow, TakenNotice
from schemas.placement import NoticeReason

BATCH: Final = 100
SENT: Final = "sent"
SUPPRESSED: Final = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledNotice:
    """A notice in the words that go out, and from whom."""

    notice: DueNotice
    sender: Party
    subject: str
    text: str


class NoticeDesk(Protocol):
    """One open transaction. Satisfied in `daemon/notice_desk.py`."""

    async def take(self, limit: int) -> Sequence[TakenNotice]:
        """Lock due notices, the oldest first, and then the tickets they are about; none while another worker does."""
        ...

    async def facts(self, ids: Collection[int]) -> Sequence[DueNotice]:
        """Read what taken notices are about, as it stands under the locks."""
        ...

    async def spent(self, address_keys: Collection[bytes], since: datetime) -> Sequence[SpentRow]:
        """Count what these addresses got since then."""
        ...

    async def tell(self, filled: Sequence[FilledNotice]) -> Sequence[int]:
        """Write each as a message of ours and queue it; give the messages' ids in the same order."""
        ...

    async def settle(self, settled: Sequence[SettledNotice], now: datetime) -> None:
        """Say what became of taken notices."""
        ...


OpenDesk = Callable[[datetime], AbstractAsyncContextManager[NoticeDesk]]
"""Opens a transaction at a time: committed when the block ends, rolled back when it raises."""

Heard = Callable[[str, str, int], None]
"""Hears how many notices for a reason ended how, `sent` or `suppressed`, after the commit."""


MAIL: Final = "mail"


class NoticeWorker:
    """Turns due notices into messages. `accounts` says what each tells, `senders` who writes for it."""

    def __init__(
        self,
        *,
        desk: OpenDesk,
        accounts: Mapping[str, AccountNotices],
        senders: Mapping[str, Party],
        limits: Limits,
        clock: Callable[[], datetime],
        heard: Heard,
    ) -> None:
        self._desk = desk
        self._accounts = accounts
        self._senders = senders
        self._limits = limits
        self._clock = clock
        self._heard = heard

    async def turn(self) -> int:
        """Settle one batch; give how many it was. Raises whatever the store raises: then nothing has changed."""
        now = self._clock()
        async with self._desk(now) as desk:
            taken = {row.id: row.ticket_id for row in await desk.take(BATCH)}
            facts = [fact for fact in await desk.facts(taken) if fact.ticket_id == taken[fact.id]] if taken else []
            settled = await self._settle(desk, facts, now)
        reasons = {fact.id: fact.reason for fact in facts}
        for (reason, state), count in Counter((reasons[row.id], row.state) for row in settled).items():
            self._heard(reason, state, count)
        return len(settled)

    async def _settle(self, desk: NoticeDesk, due: Sequence[DueNotice], now: datetime) -> list[SettledNotice]:
        """Settle what stands still under the locks; what moved meanwhile is for the next turn."""
        if not due:
            return []
        spent = await desk.spent({notice.address_key for notice in due}, now - DAY)
        chosen = choose(due, spent, accounts=self._accounts, limits=self._limits, now=now)
        settled = [SettledNotice(notice.id, SUPPRESSED, why, None) for notice, why in chosen.suppress]
        filled, failed = self._fill(chosen.send)
        ids = await desk.tell(filled) if filled else ()
        settled += failed
        settled += [SettledNotice(one.notice.id, SENT, "", i) for one, i in zip(filled, ids, strict=True)]
        await desk.settle(settled, now)
        return settled

    def _fill(self, notices: Sequence[DueNotice]) -> tuple[list[FilledNotice], list[SettledNotice]]:
        texts: dict[tuple[str, str], NoticeText] = {}
        filled, failed = [], []
        for notice in notices:
            sender = self._senders[notice.account]
            try:
                words = self._words(notice, sender, texts)
            except NoticeTextError as error:
                failed.append(SettledNotice(notice.id, SUPPRESSED, str(error), None))
            else:
                filled.append(FilledNotice(notice=notice, sender=sender, subject=words.subject, text=words.text))
        return filled, failed

    def _words(self, notice: DueNotice, sender: Party, texts: dict[tuple[str, str], NoticeText]) -> Filled:
        account = self._accounts[notice.account]
        key = notice.account, notice.reason
        is_chat = notice.channel != MAIL
        if key not in texts:  # read anew every turn: an operator may have written another
            texts[key] = read_text(NoticeReason(notice.reason), account.language, account.templates, chat=is_chat)
        return texts[key].fill(variables(notice, account, language=account.language, address=sender.address))
