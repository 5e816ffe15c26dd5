"""A request of another system as an `InboundMessage` (docs/how-to/send-by-api.md says what it may hold)."""

import base64
import binascii
import re
from datetime import datetime
from typing import Any, Final

from connectors.base import Delivery, InvalidDeliveryError, Normalized
from connectors.making import blob_ref, body, delivery_key, envelope, line, read_object, thread_id
from schemas.base import MAX_FILE_BYTES, MAX_FILES
from schemas.message import File, FileState, InboundMessage, Kind, Party, Result, Thread, Verdict

VERSION: Final = 1
_PART: Final = re.compile(r"[^\s\x00-\x1f\x7f:\ud800-\udfff]{1,128}")
"""A conversation, a sender or an id: no blank, and no colon, which stands between them."""
_MOST_FACTS: Final = 20


def normalize(delivery: Delivery) -> Normalized:
    """Make the message. Raises `InvalidDeliveryError` when a caller's mistake leaves nothing to go by."""
    given = read_object(delivery.raw)
    sender = _object(given, "sender")
    address = _part(sender, "id")
    conversation = _part(given, "conversation", default=address)
    own = thread_id(delivery, conversation, _part(given, "id"))
    edited, answered = _part(given, "edit_of", default=""), _part(given, "in_reply_to", default="")
    quoted = edited or answered
    text, long = body(_text(given, "text"))
    files, contents = _files(given.get("files"))
    subject = line(_text(given, "subject"))
    message = InboundMessage(
        kind=Kind.EDIT if edited else Kind.MESSAGE,
        channel=delivery.account.channel,
        account=delivery.account.name,
        scope=delivery.account.scope,
        delivery_key=key_of(delivery, given),
        normalizer_version=VERSION,
        received_at=delivery.received_at,
        sent_at=_moment(given.get("sent_at")),
        sender=Party(address=address, name=line(_text(sender, "name"))),
        verdict=Verdict(result=Result.PASS, method="signature"),
        subject=subject,
        text=text,
        files=files,
        thread=Thread(
            own=None if edited else own,
            in_reply_to=(thread_id(delivery, conversation, quoted),) if quoted else (),
            conversation=thread_id(delivery, conversation),
            subject_base=subject.casefold()[:998],
        ),
        raw=blob_ref(delivery.raw),
        envelope=envelope(delivery),
        details={**({"edit": True} if edited else {}), **_facts(given.get("facts"))},
    )
    return Normalized(message=message, blobs=(*long, *contents))


def key_of(delivery: Delivery, given: dict[str, Any]) -> str:
    """Give the delivery key: the caller's id of the message, in the account. Raises `InvalidDeliveryError`."""
    return delivery_key(delivery, _part(given, "id"))


def _object(given: dict[str, Any], key: str) -> dict[str, Any]:
    value = given.get(key)
    if not isinstance(value, dict):
        raise InvalidDeliveryError(f"{key} must be an object")
    return value


def _part(given: dict[str, Any], key: str, *, default: str | None = None) -> str:
    value = given.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or _PART.fullmatch(value) is None:
        raise InvalidDeliveryError(f"{key} must be 1 to 128 characters without blanks and colons")
    return value


def _text(given: dict[str, Any], key: str) -> str:
    """Read a text; anything else in its place is none, and the message is kept without it."""
    value = given.get(key)
    return value if isinstance(value, str) else ""


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _facts(value: object) -> dict[str, Any]:
    """Keep small facts for agents: texts and numbers by a short name."""
    if not isinstance(value, dict):
        return {}
    kept = {line(str(key), 64): line(str(fact), 255) for key, fact in value.items() if isinstance(fact, str | int)}
    return {"facts": dict(list(kept.items())[:_MOST_FACTS])}


def _files(value: object) -> tuple[tuple[File, ...], tuple[bytes, ...]]:
    """Give files and their bytes; what is no file is marked as failed, and the message is kept."""
    given = value[: 10 * MAX_FILES] if isinstance(value, list) else []
    made = [_file(item, number) for number, item in enumerate(given, start=1)]
    return tuple(file for file, _ in made), tuple(content for _, content in made if content is not None)


def _file(item: object, number: int) -> tuple[File, bytes | None]:
    told: dict[str, Any] = item if isinstance(item, dict) else {}
    name, kind = line(_text(told, "name"), 255), line(_text(told, "content_type"), 255)
    facts = {"name": name, "content_type": kind or "application/octet-stream"}
    try:
        content = base64.b64decode(_text(told, "content"), validate=True)
    except (binascii.Error, ValueError):
        return File(**facts, state=FileState.FAILED, reason="its content is no base64"), None
    if "content" not in told or len(content) > MAX_FILE_BYTES or number > MAX_FILES:
        reason = f"refused: {name[:120]}, {len(content)} bytes, file {number} of a message"
        return File(**facts, size=len(content), state=FileState.REFUSED, reason=reason), None
    return File(**facts, size=len(content), state=FileState.STORED, blob=blob_ref(content)), content
