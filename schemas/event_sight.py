"""Numbers of other tickets in a ticket event, and the event without some of them.

A ticket may have been merged into, continue, or have got a message from one that a reader may not see.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

_OF_TICKET: Final = ("continues", "merged_into")
_OF_DATA: Final = ("other",)


def named_in(event: dict[str, Any]) -> set[str]:
    """Give the numbers of other tickets that an event names; tests and gaps name none."""
    return {place[name] for place, name in _places(event) if place[name]}


def without(event: dict[str, Any], hidden: Collection[str]) -> str:
    """Give the event's text without these numbers. What is given is changed."""
    for place, name in list(_places(event)):
        if place[name] in hidden:
            del place[name]
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"))


def _places(event: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    data = event.get("data", {})
    for place, names in ((data, _OF_DATA), (data.get("ticket", {}), _OF_TICKET)):
        yield from ((place, name) for name in names if name in place)
