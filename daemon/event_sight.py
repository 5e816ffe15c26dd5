"""Ticket events for readers of some accounts: numbers of tickets of other accounts are left out of them.

A ticket may have been merged into, continue, or have got a message from one that the reader may not see.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from daemon.api_sight import sorted_out
from schemas.event_sight import named_in, without
from ticket_store.feed import ReadEvent
from ticket_store.pool import Pool


async def seen_by(pool: Pool, accounts: Collection[str] | None, events: Sequence[ReadEvent]) -> Sequence[ReadEvent]:
    """Give events as readers of these accounts may see them; None: of all accounts."""
    if accounts is None or not events:
        return events
    read = [json.loads(event.event) for event in events]
    named = {number for one in read for number in named_in(one)}
    if not named:
        return events
    async with pool.connection() as connection:
        seen, _ = await sorted_out(connection, accounts, named)
    return [_without(event, one, named - seen) for event, one in zip(events, read, strict=True)]


def _without(event: ReadEvent, read: dict[str, Any], hidden: Collection[str]) -> ReadEvent:
    return event if named_in(read).isdisjoint(hidden) else replace(event, event=without(read, hidden))
