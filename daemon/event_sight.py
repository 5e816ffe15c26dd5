"""Ticket events for readers of some accounts: numbers of tickets of other accounts are left out of them.

A ticket may have been merged into, continue, or have got a message from one that the reader may not see.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from daemon.api_sight import sorted_out
from ticket_store.feed import ReadEvent
from ticket_store.pool import Pool

_OF_TICKET: Final = ("continues", "merged_into")
_OF_DATA: Final = ("other",)


async def seen_by(pool: Pool, accounts: Collection[str] | None, events: Sequence[ReadEvent]) -> Sequence[ReadEvent]:
    """Give events as readers of these accounts may see them; None: of all accounts."""
    if accounts is None or not events:
        return events
    read = [json.loads(event.event) for event in events]
    named = {number for one in read for number in _numbers(one)}
    if not named:
        return events
    async with pool.connection() as connection:
        seen, _ = await sorted_out(connection, accounts, named)
    return [_without(event, one, named - seen) for event, one in zip(events, read, strict=True)]


def _numbers(event: dict[str, Any]) -> set[str]:
    """Give the numbers of other tickets that an event names; a gap names none."""
    if not event:
        return set()
    data = event["data"]
    found = {data.get(name) for name in _OF_DATA} | {data["ticket"].get(name) for name in _OF_TICKET}
    return {number for number in found if number}


def _without(event: ReadEvent, read: dict[str, Any], hidden: Collection[str]) -> ReadEvent:
    if not _numbers(read).intersection(hidden):
        return event
    data = {name: value for name, value in read["data"].items() if not (name in _OF_DATA and value in hidden)}
    ticket = data["ticket"].items()
    data["ticket"] = {name: value for name, value in ticket if not (name in _OF_TICKET and value in hidden)}
    return replace(event, event=json.dumps({**read, "data": data}, ensure_ascii=False, separators=(",", ":")))
