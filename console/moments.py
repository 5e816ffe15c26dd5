"""Makes moments from JSON fit for people: whole seconds, UTC."""

from datetime import UTC, datetime


def seconds(moment: str) -> str:
    """Give ISO 8601 with an offset as 2026-11-22 07:51:27, in UTC."""
    return datetime.fromisoformat(moment).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def moment(value: str | None) -> str:
    """Give a moment with the name of its zone; nothing for none."""
    return f"{seconds(value)} UTC" if value else ""
