"""Held messages for operators: the listing, oldest first, and one with all that speaks for or against a ticket."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from schemas.placement import HoldReason
from ticket_store.listing import ShownFile, checked_limit, fetch_all, fetch_rows, shown_files
from ticket_store.statements import statement

MACHINES: Final = (HoldReason.AUTOMATIC.value, HoldReason.BOUNCE.value)
"""Reasons for which machines' mail is held: nobody waits for an answer to it."""


class NotHeldError(LookupError):
    """No held message has this id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpoolLine:
    """One held message of a listing. `age_seconds` counts from when it was held."""

    id: int
    reason: str
    subject: str
    sender: str
    sender_name: str
    account: str
    channel: str
    received_at: datetime
    held_at: datetime
    age_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldDetail:
    """One held message. `suggestions` are tickets to look at; `decision` holds evidence and rejected candidates."""

    message: SpoolLine
    explanation: str
    suggestions: Sequence[Mapping[str, Any]]
    decision: Mapping[str, Any]
    kind: str
    automatic: str
    verdict: str
    text: str
    text_sha256: str
    problem: str
    files: tuple[ShownFile, ...]
    raw_sha256: str
    raw_size: int


async def list_spool(
    connection: AsyncConnection[TupleRow],
    *,
    now: datetime,
    reason: str | None = None,
    account: str | None = None,
    accounts: Collection[str] | None = None,
    after_id: int | None = None,
    limit: int = 50,
) -> list[SpoolLine]:
    """Give held messages, the oldest first. `after_id` is the last one seen; it may have been placed since."""
    parameters = {
        "now": now,
        "reason": reason,
        "account": account,
        "accounts": None if accounts is None else sorted(accounts),
        "after_id": after_id,
        "id": None,
        "limit": checked_limit(limit),
    }
    return await fetch_all(connection, statement("spool", "list_spool"), parameters, SpoolLine)


async def expired(connection: AsyncConnection[TupleRow], *, before: datetime, limit: int) -> list[int]:
    """Give machines' mail that has been held since before that moment, the oldest first, at most `limit`."""
    parameters = {"before": before, "reasons": list(MACHINES), "limit": limit}
    cursor = await connection.execute(statement("spool", "expired"), parameters)
    return [row[0] for row in await cursor.fetchall()]


async def show_held(connection: AsyncConnection[TupleRow], message_id: int, *, now: datetime) -> HeldDetail:
    """Give one held message, or raise `NotHeldError`."""
    which: dict[str, object] = {"id": message_id, "now": now, "limit": 1}
    which |= dict.fromkeys(("reason", "account", "accounts", "after_id"))
    async with connection.transaction():
        lines = await fetch_all(connection, statement("spool", "list_spool"), which, SpoolLine)
        rows = await fetch_rows(connection, statement("spool", "held_detail"), which)
    if not lines or not rows:
        raise NotHeldError(f"message {message_id} is not held: `switchboard spool list` shows which are")
    details = rows[0].pop("details")
    overflow = details.get("text", {}).get("overflow") or {}
    return HeldDetail(
        message=lines[0],
        **rows[0],
        text_sha256=overflow.get("sha256", ""),
        problem=details.get("problem", ""),
        files=shown_files(details),
    )
