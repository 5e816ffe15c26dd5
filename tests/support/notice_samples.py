"""Due notices and accounts for tests of what becomes of them."""

from datetime import UTC, datetime
from typing import Any

from lifecycle.notices import AccountNotices, Language
from schemas.notice_rows import DueNotice
from schemas.placement import NoticeReason

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ALL_REASONS = AccountNotices(reasons=frozenset(NoticeReason))
BIG = {"name": "big.zip", "size": 26_214_400, "state": "refused"}
NUMBER = "4829173057"


def due(number: int = 1, **more: Any) -> DueNotice:
    """Make a due notice about a message on a ticket; `number` is its own id and its message's."""
    held = more.get("reason") == NoticeReason.HELD
    usual: dict[str, Any] = {
        "id": number,
        "message_id": number,
        "account": "support",
        "channel": "mail",
        "scope": "support",
        "reason": NoticeReason.REFUSED_FILE,
        "address": "ana@a.example",
        "address_key": b"ana",
        "sender_name": "Ana Costa",
        "subject": "Printer",
        "received_at": NOW,
        "state": "held" if held else "ticketed",
        "visibility": "public",
        "details": {"files": [BIG]},
        "ticket_id": None if held else 1,
        "ticket_number": "" if held else NUMBER,
        "ticket_status": "" if held else "open",
    }
    return DueNotice(**{**usual, **more})


def spoken(language: Language, **more: Any) -> AccountNotices:
    """Give an account that sends every notice in this language."""
    return AccountNotices(reasons=frozenset(NoticeReason), language=language, **more)
