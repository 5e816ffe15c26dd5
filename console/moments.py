"""Makes moments from JSON fit for people: whole seconds, UTC."""

from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = (
    (timedelta(minutes=2), timedelta(seconds=1), "s"),
    (timedelta(hours=2), timedelta(minutes=1), "min"),
    (timedelta(days=2), timedelta(hours=1), "h"),
)


def seconds(moment: str) -> str:
    """Give ISO 8601 with an offset as 2026-11-22 07:51:27, in UTC."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def moment(value: str | None) -> str:
    """Give a moment with the name of its zone; nothing for none."""
    return f"{seconds(value)} UTC" if value else ""


def age(since: str | None, now: datetime) -> str:
    """Say how long ago something was, in its fitting unit: 90 s, 12 min, 30 h, 5 d; nothing for never."""
    if since is None:
        return ""
    passed = max(now - datetime.fromisoformat(since), timedelta())
    for below, unit, name in _UNITS:
        if passed < below:
            return f"{passed // unit} {name}"
    return f"{passed.days} d"
