"""Cursors: where a listing goes on. Opaque to readers, bound to the listing's filters."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from console.api.problems import ProblemError, invalid

LONGEST: Final = 500
"""Characters of a cursor at most."""


def written(place: str, filters: Mapping[str, object]) -> str:
    """Give the cursor for a place in the listing with these filters."""
    return urlsafe_b64encode(json.dumps([place, _mark(filters)]).encode()).decode().rstrip("=")


def read(cursor: str | None, filters: Mapping[str, object]) -> str | None:
    """Give the place. Raises a problem for a cursor of another listing or of nobody."""
    if cursor is None:
        return None
    try:
        place, mark = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, TypeError):
        raise wrong() from None
    if not isinstance(place, str) or mark != _mark(filters):
        raise wrong()
    return place


def wrong() -> ProblemError:
    """Make the error for a cursor that fits nothing."""
    return invalid("query.cursor", "this is no cursor of this listing: take `next_cursor`, and keep the filters")


def _mark(filters: Mapping[str, object]) -> str:
    return sha256(json.dumps(filters, sort_keys=True, default=str).encode()).hexdigest()[:12]
