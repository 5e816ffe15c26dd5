"""What an endpoint may read of an event: everything but the numbers of tickets that are not its own."""

import json
from collections.abc import Collection

from schemas.event_sight import without


def sifted(event: str, hidden: Collection[str]) -> bytes:
    """Give the body without these tickets; the topic's own text, octet for octet, when there are none."""
    return without(json.loads(event), hidden).encode() if hidden else event.encode()
