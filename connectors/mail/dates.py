"""The Date field: RFC 5322 section 3.3, read leniently. What the sender claims; never an order."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

_MAX: Final = 200


def read_date(value: bytes) -> datetime | None:
    """Give an aware time, or None for what is no date or lies outside 1970-2200."""
    text = value[:_MAX].decode("ascii", "replace")
    try:
        moment = parsedate_to_datetime(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return moment if 1970 <= moment.year <= 2200 else None  # noqa: PLR2004 - outside is a broken clock
