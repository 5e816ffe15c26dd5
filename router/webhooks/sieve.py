"""What an endpoint may read of an event: everything but the numbers of tickets that are not its own."""

import json
from collections.abc import Collection
from typing import Any


def sifted(event: str, hidden: Collection[str]) -> bytes:
    """Give the body without these tickets; the topic's own text, octet for octet, when there are none."""
    if not hidden:
        return event.encode()
    found: dict[str, Any] = json.loads(event)
    data = found.get("data", {})
    for place, keys in ((data, ("other",)), (data.get("ticket", {}), ("continues", "merged_into"))):
        for key in keys:
            if place.get(key) in hidden:
                del place[key]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
