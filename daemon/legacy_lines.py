"""One line of an old desk's export, whatever its format, made fit for the store or refused with a reason."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, tzinfo
from email.utils import parseaddr
from typing import Any, Final

from connectors.mail.thread_ids import ids_in, thread_id
from schemas.legacy import ImportedTicket, old_number
from schemas.placement import address_key

COLUMNS: Final = ("number", "requester", "name", "subject", "status", "opened_at", "messages", "message_ids")
"""What a line may tell; only `number` must be there."""

LAST_MESSAGES: Final = 10
MAX_TEXT: Final = 4000
"""Characters of one message of the history."""

MAX_LINE: Final = 998
MAX_IDS: Final = 10_000
"""Message-IDs of one line."""

_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})(?:[ ,T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\Z")


class LineError(ValueError):
    """A line that cannot be used; the message says why, without repeating what stands in it."""


def read_line(values: Mapping[str, object], *, zone: tzinfo) -> ImportedTicket:
    """Read one line. `zone` is that of times without an offset. Raises `LineError`."""
    number = old_number(_text(values.get("number")))
    if not number:
        raise LineError("number is empty, too long or unprintable")
    address, name = read_requester(_text(values.get("requester")))
    return ImportedTicket(
        number=number,
        requester_key=address_key("mail", "", address) if address else None,
        requester_address=address,
        requester_name=_line(values.get("name")) or name,
        subject=_line(values.get("subject")),
        status=_line(values.get("status")),
        opened_at=read_moment("opened_at", values.get("opened_at"), zone),
        history=list(_history(values.get("messages"), zone)),
        digests=read_ids(values.get("message_ids")),
    )


def read_requester(text: str) -> tuple[str, str]:
    """Give address and name of `ana@example.org` or `Ana <ana@example.org>`. Raises `LineError`."""
    if not text.strip():
        return "", ""
    name, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    if not local or not domain or any(c.isspace() for c in address) or len(address) > MAX_LINE:
        raise LineError("requester is no mail address")
    return address.lower(), _line(name)


def read_moment(key: str, value: object, zone: tzinfo) -> datetime | None:
    """Read ISO 8601 or 31.12.2012 23:59; a time without an offset is one of `zone`. Raises `LineError`."""
    text = _text(value).strip()
    if not text:
        return None
    try:
        moment = _parsed(text)
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise LineError(f"{key} is no time: write 2012-12-05T18:30:00, with an offset or in local time") from None


def _parsed(text: str) -> datetime:
    found = _DAY_FIRST.match(text)
    if found is None:
        return datetime.fromisoformat(text)
    day, month, year, hour, minute, second = (int(part or 0) for part in found.groups())
    return datetime.combine(date(year, month, day), datetime.min.time()).replace(
        hour=hour, minute=minute, second=second
    )


def read_ids(value: object) -> list[bytes]:
    """Give the digests of Message-IDs: a list, or a text with white space or commas between. Raises `LineError`."""
    parts = value if isinstance(value, list) else re.split(r"[\s,;]+", _text(value))
    if len(parts) > MAX_IDS:
        raise LineError(f"message_ids are more than {MAX_IDS}")
    written = (found for part in parts for found in ids_in(_text(part).encode("utf-8", "replace")))
    return list({bytes.fromhex(thread_id(one).digest): None for one in written})


def _history(value: object, zone: tzinfo) -> Iterator[dict[str, Any]]:
    if isinstance(value, str) or value is None:
        text = _text(value).strip()
        yield from [history_entry(None, "", text)] if text else ()
        return
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise LineError("messages is no list of objects with at, from, text")
    for entry in value[-LAST_MESSAGES:]:
        at = read_moment("messages.at", entry.get("at"), zone)
        yield history_entry(at, _line(entry.get("from")), _text(entry.get("text")))


def history_entry(at: datetime | None, sender: str, text: str) -> dict[str, Any]:
    """Make one message of a history."""
    return {"at": at.isoformat() if at else None, "from": sender, "text": _UNFIT.sub("\ufffd", text)[:MAX_TEXT]}


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _UNFIT.sub("\ufffd", value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise LineError("a value is neither text nor number")


def _line(value: object) -> str:
    return " ".join(_text(value).split())[:MAX_LINE]
