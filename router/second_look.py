"""Held messages that later evidence may place: decided anew by the same rules and gates, each in a transaction.

What is placed so carries the rule that did it and says that it was released. What the rules leave open stays held, and
is not looked at again before there is something new. A message that was parsed again is decided as if it had just come:
it may open a ticket, and the reason for which it stays held is today's.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from router.decide import decide
from router.incoming import receive
from router.isolation import failure_reason
from router.keys import Keyring
from router.patience import claiming
from router.placement import Placement
from router.placing import Placing
from router.policy import Policies
from router.ports import RoutingStore
from router.reading import Wanted, read_view
from router.stored import message_of
from router.writing import changes_of, hold_row
from schemas.placement import Fault, Outcome, Rule
from schemas.routing_rows import HeldMessageRow, IdKey

AT_ONCE: Final = 100
"""Held messages of one round."""
FIRST_PAUSE: Final = timedelta(seconds=10)
"""After a look that the store could not take; doubled each time, up to `LONGEST_PAUSE`."""
LONGEST_PAUSE: Final = timedelta(hours=1)
MOST_FAILURES: Final = 10_000

_log = structlog.get_logger(__name__)


class SecondLook:
    """Looks again at held messages that somebody or something has marked for it (`spool.look_again_at`).

    `own_text` cuts from an agent's mail what it quotes, before it goes to the customer.
    """

    def __init__(
        self,
        *,
        store: RoutingStore,
        policies: Policies,
        source: str,
        clock: Callable[[], datetime],
        own_text: Callable[[str], str] = str,
    ) -> None:
        self._store = store
        self._policies = policies
        self._placing = Placing(policies=policies, source=source, own_text=own_text)
        self._clock = clock
        self._failures: dict[int, int] = {}
        self._keyring = Keyring(store=store, clock=clock)

    async def round(self) -> int:
        """Look at those that are due, the longest due first; give how many there were."""
        due = await self._store.to_look_at(now=self._clock(), limit=AT_ONCE)
        for message_id in due:
            await self._safely(message_id)
        return len(due)

    async def _safely(self, message_id: int) -> None:
        """Look at one. What fails stops no other: by its own fault it stays held, by the store's it is tried later.

        Raises what the store does only when it takes nothing at all.
        """
        try:
            await self.look(message_id)
        except Exception as error:  # noqa: BLE001 - judged here
            fault, sqlstate = self._store.fault_of(error)
            _log.error("second look failed", message=message_id, reason=failure_reason(error, sqlstate))
            async with self._store.transaction() as transaction:
                if fault in (Fault.RECORD, Fault.UNKNOWN):
                    await transaction.looked_at(message_id)
                else:
                    await transaction.look_later(message_id, self._later(message_id))
        else:
            self._failures.pop(message_id, None)

    def _later(self, message_id: int) -> datetime:
        failures = self._failures[message_id] = self._failures.get(message_id, 0) + 1
        if len(self._failures) > MOST_FAILURES:
            self._failures.clear()  # they begin with short pauses again
        doubled: timedelta = FIRST_PAUSE * 2 ** min(failures - 1, 20)
        return self._clock() + min(doubled, LONGEST_PAUSE)

    async def look(self, message_id: int, *, by: str = "") -> bool:
        """Decide about a held message anew; False when it stays held, or is not held any more.

        `by` is who asked for it, and is kept with what is released.
        """
        return await claiming(self._store, partial(self._attempt, message_id, by))

    async def _attempt(self, message_id: int, by: str, extra: frozenset[IdKey]) -> bool:
        async with self._store.transaction() as transaction:
            row = await transaction.held_message(message_id)
            if row is None:
                await transaction.looked_at(message_id)
                return False
            inbound = message_of(row)
            signer = await self._keyring.signer([inbound])
            message = receive(inbound, message_id=row.id, policies=self._policies, signer=signer)
            wanted = Wanted(ids=extra, held=frozenset({row.id}))
            view = await read_view(transaction, [message], self._policies, wanted, signer)
            waiting = view.waiting.get(row.id)
            placement = decide(waiting, view, self._policies.of(inbound.account), waiting=True) if waiting else None
            if waiting is None or placement is None or not (_is_release(placement) or _is_anew(row, placement)):
                await transaction.looked_at(message_id)
                if placement is not None and row.revised and placement.outcome is Outcome.HELD:
                    await transaction.hold_anew(hold_row(message, placement.decision, view))
                return False
            await transaction.reserve_ticket_ids(1)
            await transaction.reserve_message_ids(1)
            now = self._clock()
            placer = self._placing.placer(transaction, view, signer, now)
            placer.place(waiting, _traced(placement, by))
            await transaction.write(changes_of(placer, view, (), (), now))
            return True


def _is_anew(row: HeldMessageRow, placement: Placement) -> bool:
    """Whether a message that was parsed again is decided as if it had just come."""
    return row.revised and placement.outcome is not Outcome.HELD


def _is_release(placement: Placement) -> bool:
    """Whether the message goes where something new has led it; a plain new ticket is a person's to open."""
    by_old_desk = placement.decision.rule is Rule.LEGACY and placement.outcome is Outcome.OPENED
    return by_old_desk or placement.outcome in (Outcome.JOINED, Outcome.FORWARDED)


def _traced(placement: Placement, by: str) -> Placement:
    why = f"Released{f' by {by}' if by else ''}: {placement.decision.explanation}"
    return replace(placement, decision=placement.decision.model_copy(update={"explanation": why}))
