"""One transaction of the router: claim, read, decide, write. See docs/architecture.md, "One router transaction"."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from router.announce import Announcer
from router.incoming import Incoming, receive
from router.keys import Keyring
from router.notify import notice_rows
from router.placed import Double
from router.placer import Placer
from router.placing import Placing
from router.policy import Policies
from router.ports import RoutingStore, RoutingTransaction
from router.reading import ClaimsGrownError, Wanted, read_view
from router.revise import confirm, revise, to_revise
from router.tokens import Signer
from router.writing import changes_of, revised
from schemas.message import InboundMessage
from schemas.revision_rows import RevisableRow
from schemas.routing_rows import DeadLetterRow, IdKey, LogPosition, MovedOffset


class FencedError(Exception):
    """Somebody else is the consumer of a partition now, or its offsets count in another log: drop the batch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routable:
    """A decoded record."""

    message: InboundMessage
    partition: int | None = None
    offset: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Records that share a transaction, and the offsets that move with them; `revived` is the dead letter they were."""

    log: LogPosition
    moves: Sequence[MovedOffset]
    messages: Sequence[Routable]
    dead: Sequence[DeadLetterRow] = ()
    revived: int | None = None


Routed = Counter[tuple[str, str]]
"""How many records ended with which outcome by which rule; duplicates stand as ("duplicate", kind)."""


def _no_phase(_name: str, _seconds: float) -> None:
    """Measure nothing."""


class BatchRouter:
    """Routes parts. `source` is the CloudEvents source of this installation; `clock` gives the time of deciding.

    `own_text` cuts from an agent's mail what it quotes. `phase` hears how many seconds of `timer` went into
    lock_and_read, decide, and write (with the commit).
    """

    def __init__(
        self,
        *,
        store: RoutingStore,
        policies: Policies,
        source: str,
        clock: Callable[[], datetime],
        own_text: Callable[[str], str] = str,
        phase: Callable[[str, float], None] = _no_phase,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._store = store
        self._policies = policies
        self._source = source
        self._clock = clock
        self._placing = Placing(policies=policies, source=source, own_text=own_text)
        self._keyring = Keyring(store=store, clock=clock)
        self._phase = phase
        self._timer = timer

    async def route(self, part: Part) -> Routed:
        """Route a part in one transaction; `FencedError`, or whatever the store raises: nothing is written."""
        extra: frozenset[IdKey] = frozenset()
        signer = await self._keyring.signer(routable.message for routable in part.messages)
        while True:
            try:
                return await self._attempt(part, extra, signer)
            except ClaimsGrownError as grown:
                extra |= grown.keys

    async def _attempt(self, part: Part, extra: frozenset[IdKey], signer: Signer) -> Routed:
        begun = self._timer()
        async with self._store.transaction() as transaction:
            if part.moves and not await transaction.move_offsets(part.log, part.moves):
                raise FencedError("the stored offsets are not where this consumer left them")
            if part.revived is not None and not await transaction.revive(part.revived):
                raise FencedError("somebody else took this dead letter")
            fresh, doubles = await _claim(transaction, await self._receive(transaction, part.messages, signer))
            older = await to_revise(transaction, doubles)
            view = await read_view(transaction, fresh, self._policies, _wanted(extra, older), signer)
            await confirm(transaction, older)
            await transaction.reserve_ticket_ids(len(fresh))
            await transaction.reserve_message_ids(sum(message.staff for message in fresh))
            read = self._timer()
            now = self._clock()
            placer = self._placing.placer(transaction, view, signer, now)
            for message in fresh:
                placer.route(message)
            doubles, revisions = revise(doubles, older, view, Announcer(source=self._source, now=now))
            changes = revised(changes_of(placer, view, doubles, part.dead, now), revisions)
            changes.notices = notice_rows(placer.placed.values(), self._policies, now)
            decided = self._timer()
            await transaction.write(changes)
        self._phase("lock_and_read", read - begun)
        self._phase("decide", decided - read)
        self._phase("write", self._timer() - decided)
        return _count(placer, doubles, part)

    async def _receive(
        self, transaction: RoutingTransaction, messages: Sequence[Routable], signer: Signer
    ) -> list[Incoming]:
        ids = await transaction.message_ids(len(messages)) if messages else ()
        return [
            receive(
                m.message,
                message_id=i,
                policies=self._policies,
                signer=signer,
                partition=m.partition,
                offset=m.offset,
            )
            for i, m in zip(ids, messages, strict=True)
        ]


def _wanted(ids: frozenset[IdKey], older: Mapping[int, RevisableRow]) -> Wanted:
    """Ask for the tickets and held messages that newer readings change, too."""
    tickets = frozenset(row.ticket_id for row in older.values() if row.ticket_id is not None)
    held = frozenset(row.id for row in older.values() if row.state == "held")
    return Wanted(ids=ids, held=held, tickets=tickets)


async def _claim(transaction: RoutingTransaction, messages: Sequence[Incoming]) -> tuple[list[Incoming], list[Double]]:
    """Part the messages into new ones and those whose delivery was taken before, in this batch or an earlier one."""
    first: dict[bytes, int] = {}
    for message in messages:
        first.setdefault(bytes.fromhex(message.message.delivery_key), message.id)
    taken = await transaction.claim_deliveries(first) if first else {}
    fresh, doubles = [], []
    for message in messages:
        key = bytes.fromhex(message.message.delivery_key)
        if key not in taken and first[key] == message.id:
            fresh.append(message)
        else:
            doubles.append(Double(message=message, original=taken.get(key, first[key]), kind="duplicate"))
    return fresh, doubles


def _count(placer: Placer, doubles: Sequence[Double], part: Part) -> Routed:
    routed: Routed = Counter((p.decision.outcome.value, p.decision.rule.value) for p in placer.placed.values())
    routed.update(("duplicate", double.kind) for double in (*doubles, *placer.doubles))
    if part.dead:
        routed["dead_letter", "poison"] += len(part.dead)
    return routed
