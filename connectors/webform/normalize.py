"""What a form's routes took, as a message. The raw is JSON that the routes made of what they proved.

The sender is the dialogue: whoever holds its private link is the same person. An address that somebody typed stands in
`details.contact`, and is nobody's identity. `details.form` says what the link is for; nobody who fills the form in can
change that.
"""

from collections.abc import Mapping
from typing import Any, Final

from connectors.base import Delivery, InvalidDeliveryError, Normalized
from connectors.making import blob_ref, body, delivery_key, envelope, line, read_object, thread_id
from connectors.page_http import wire_files
from connectors.page_lines import OWN
from connectors.tolerant import fields, text_of, whole
from schemas.message import InboundMessage, Kind, Party, Result, Thread, Verdict

NORMALIZER_VERSION: Final = 1
MOST_SUBJECT: Final = 200
MOST_SAID: Final = 200
"""Letters of what somebody says of themselves, each."""
SAID: Final = ("name", "email", "phone", "organisation", "installation")
OF_THE_LINK: Final = ("link", "label", "organisation", "installation")


def normalize(delivery: Delivery) -> Normalized:
    """Make the message. Raises `InvalidDeliveryError` for all that the routes do not make."""
    facts = read_object(delivery.raw)
    chat, kind = text_of(facts.get("chat"), 200), text_of(facts.get("t"), 16)
    if not chat:
        raise InvalidDeliveryError("it names no dialogue")
    if kind in ("form", "say"):
        return _said(delivery, facts, chat)
    if kind == "seen":
        return Normalized(message=_seen(delivery, facts, chat))
    raise InvalidDeliveryError("it is nothing that a form sends")


def _said(delivery: Delivery, facts: Mapping[str, Any], chat: str) -> Normalized:
    client = text_of(facts.get("id"), 64)
    if not client:
        raise InvalidDeliveryError("it has no name of its own")
    text, blobs = body(text_of(facts.get("text")))
    message = InboundMessage(
        kind=Kind.MESSAGE,
        delivery_key=delivery_key(delivery, chat, client),
        subject=line(text_of(facts.get("subject"), MOST_SUBJECT), MOST_SUBJECT),
        text=text,
        files=wire_files(facts),
        thread=Thread(own=thread_id(delivery, chat, OWN + client), conversation=thread_id(delivery, chat)),
        **_common(delivery, facts, chat),
    )
    return Normalized(message=message, blobs=blobs)


def _seen(delivery: Delivery, facts: Mapping[str, Any], chat: str) -> InboundMessage:
    number = whole(facts.get("line"))
    if not number:
        raise InvalidDeliveryError("it names no line")
    common = _common(delivery, facts, chat)
    common["details"] = {"receipt": "seen", "up_to": True}
    return InboundMessage(
        kind=Kind.RECEIPT,
        delivery_key=delivery_key(delivery, chat, "seen", str(number)),
        thread=Thread(in_reply_to=(thread_id(delivery, chat, str(number)),), conversation=thread_id(delivery, chat)),
        **common,
    )


def _common(delivery: Delivery, facts: Mapping[str, Any], chat: str) -> dict[str, Any]:
    person = _lines(fields(facts.get("person")), SAID)
    form = _lines(fields(facts.get("form")), OF_THE_LINK)
    details: dict[str, Any] = _lines(facts, ("language", "page"))
    details |= {"form": form} if form else {}
    details |= {"contact": {**person, "own": True}} if person else {}
    return {
        "channel": delivery.account.channel,
        "account": delivery.account.name,
        "scope": delivery.account.scope,
        "normalizer_version": NORMALIZER_VERSION,
        "received_at": delivery.received_at,
        "sender": Party(address=chat, name=person.get("name", "")),
        "verdict": Verdict(result=Result.PASS, method="token"),
        "raw": blob_ref(delivery.raw),
        "envelope": envelope(delivery),
        "details": details,
    }


def _lines(facts: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Give what is said under these names, a clean line each."""
    found = {name: line(text_of(facts.get(name), MOST_SAID), MOST_SAID) for name in names}
    return {name: value for name, value in found.items() if value}
