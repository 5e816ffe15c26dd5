"""What may be told to whom, and when: the limits of notices, and what their texts know. Pure: no clock, no store.

The router says which messages call for a notice (`router/notify.py`). This is what stands between that and sending.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from lifecycle.statuses import Status
from schemas.base import MAX_FILE_BYTES
from schemas.message import FileState
from schemas.notice_rows import DueNotice, SpentRow
from schemas.numbers import shown, subject_tag
from schemas.placement import NoticeReason, Visibility

DAY: Final = timedelta(hours=24)
"""What "a day" means for limits: the 24 hours before. A calendar's day would allow two notices around midnight."""

MOST_FILES: Final = 10
"""Files that a notice names; how many more there are it says as a number."""
MOST_NAME: Final = 40
MOST_FILE_NAME: Final = 80
MOST_SUBJECT: Final = 100
"""Characters of the sender's own words in a notice: enough to know them again, too few to send a message with them."""

_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]+")
_NO_NAME: Final = re.compile(r"[@/:<>\"\[\](){}|\\=?&%$#+*_^~`0-9]|www\.|\.\w")


class Language(StrEnum):
    """Languages that notices are written in."""

    ENGLISH = "en"
    PORTUGUESE = "pt"
    RUSSIAN = "ru"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNotices:
    """What one account tells by itself. `templates` is a folder with texts that go before ours.

    `no_way_out` says why nothing can be sent on it; empty: it can. A ticket must not say that somebody was told.
    """

    reasons: frozenset[NoticeReason] = frozenset({NoticeReason.REFUSED_FILE})
    language: Language = Language.ENGLISH
    sharing_instructions: str = ""
    contact_instructions: str = ""
    templates: Path | None = None
    no_way_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many notices of all reasons an address gets in a day, and how old a message may be that calls for one.

    `no_way_out` says why nothing can be sent at all; empty: it can. A ticket must not say that somebody was told.
    """

    per_address_a_day: int = 5
    max_age: timedelta = timedelta(hours=24)
    no_way_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Due notices that go out, and those that do not, each with the reason."""

    send: Sequence[DueNotice]
    suppress: Sequence[tuple[DueNotice, str]]


def choose(
    due: Iterable[DueNotice],
    spent: Iterable[SpentRow],
    *,
    accounts: Mapping[str, AccountNotices],
    limits: Limits,
    now: datetime,
) -> Chosen:
    """Say which due notices go out, the oldest first. `spent` counts what their addresses got in the last day."""
    counts: Counter[tuple[bytes, str]] = Counter({(row.address_key, row.reason): row.got for row in spent})
    totals: Counter[bytes] = Counter()
    for (address, _), count in counts.items():
        totals[address] += count
    send: list[DueNotice] = []
    suppress: list[tuple[DueNotice, str]] = []
    for notice in sorted(due, key=lambda one: one.id):
        why = why_not(notice, accounts=accounts, limits=limits, now=now) or _spent(notice, counts, totals, limits)
        if why:
            suppress.append((notice, why))
            continue
        send.append(notice)
        counts[notice.address_key, notice.reason] += 1
        totals[notice.address_key] += 1
    return Chosen(send=send, suppress=suppress)


def why_not(notice: DueNotice, *, accounts: Mapping[str, AccountNotices], limits: Limits, now: datetime) -> str:
    """Give why a notice has become wrong since the router asked for it; empty when it is still right."""
    account = accounts.get(notice.account)
    if limits.no_way_out:
        return limits.no_way_out
    if account is None:
        return "the account left the settings"
    if account.no_way_out:
        return account.no_way_out
    if notice.reason not in account.reasons:
        return "the account does not send such notices (any more)"
    if now - notice.received_at > limits.max_age:
        return "the message was received too long ago"
    return _moved_on(notice)


def _moved_on(notice: DueNotice) -> str:
    """Tell what became of the message meanwhile."""
    if notice.visibility != Visibility.PUBLIC:
        return "the message is not the customer's to see"
    if notice.ticket_status == Status.SPAM:
        return "the ticket is spam"
    if notice.reason == NoticeReason.HELD and notice.state != "held":
        return "the message is not held any more"
    if notice.reason == NoticeReason.RECEIPT and not notice.ticket_number:
        return "the message stands on no ticket any more"
    return "" if notice.state in ("ticketed", "held") else f"the message is {notice.state}"


def _spent(notice: DueNotice, counts: Counter[tuple[bytes, str]], totals: Counter[bytes], limits: Limits) -> str:
    if counts[notice.address_key, notice.reason]:
        return "this sender got one for the same reason in the last 24 hours"
    if totals[notice.address_key] >= limits.per_address_a_day:
        return f"this address got {totals[notice.address_key]} notices in the last 24 hours"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFile:
    """A refused file as texts know it: a size for people, and whether it is the size that was too much."""

    name: str
    size: str
    too_big: bool


def variables(notice: DueNotice, account: AccountNotices, *, language: Language, address: str) -> dict[str, object]:
    """Give what a text may use. `address` is the account's own. Everything from the sender is one short, clean line."""
    refused = [file for file in notice.details.get("files", ()) if file.get("state") == FileState.REFUSED]
    return {
        "name": greeting_name(notice.sender_name),
        "subject": one_line(notice.subject, MOST_SUBJECT),
        "ticket": shown(notice.ticket_number) if notice.ticket_number else "",
        "tag": subject_tag(notice.ticket_number) if notice.ticket_number else "",
        "address": one_line(address, 254),
        "files": [_file(file, language) for file in refused[:MOST_FILES]],
        "more_files": max(0, len(refused) - MOST_FILES),
        "limit": shown_size(MAX_FILE_BYTES, language),
        "sharing_instructions": account.sharing_instructions.strip(),
        "contact_instructions": account.contact_instructions.strip(),
    }


def one_line(text: str, most: int) -> str:
    """Give one line without control characters, cut at `most` characters: it may stand in a header."""
    line = " ".join(_UNFIT.sub(" ", text[: 4 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def greeting_name(name: str) -> str:
    """Give a name to greet with; empty for one that carries more than a name, such as an address or a number."""
    line = " ".join(_UNFIT.sub(" ", name[: 4 * MOST_NAME]).split()).strip("'")
    return "" if len(line) > MOST_NAME or _NO_NAME.search(line) else line


def shown_size(size: int, language: Language) -> str:
    """Give a number of bytes as people of a language write it: 25.3 MB, 25,3 MB, 25,3 МБ."""
    units = ("Б", "КБ", "МБ", "ГБ") if language is Language.RUSSIAN else ("bytes", "KB", "MB", "GB")
    value, place = float(size), 0
    while value >= 1024 and place < len(units) - 1:  # noqa: PLR2004 - 1024 of one unit are one of the next
        value, place = value / 1024, place + 1
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text if language is Language.ENGLISH else text.replace('.', ',')} {units[place]}"


def _file(file: Mapping[str, Any], language: Language) -> NoticeFile:
    size = int(file.get("size") or 0)
    return NoticeFile(
        name=one_line(str(file.get("name", "")), MOST_FILE_NAME),
        size=shown_size(size, language),
        too_big=size > MAX_FILE_BYTES,
    )
