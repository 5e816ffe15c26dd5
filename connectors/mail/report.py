"""One raw mail as one JSON object: what `switchboard parse` prints."""

from typing import Any

from connectors.mail.parse import ParsedMail, parse
from connectors.mail.quotes import reply_text
from schemas.message import Automatic


def report(raw: bytes) -> dict[str, Any]:
    """Parse and describe. Raises `InvalidDeliveryError` for a mail over the structure limits."""
    mail = parse(raw)
    return {
        "from": {"address": mail.sender.address, "name": mail.sender.name},
        "reply_to": _addresses(mail.reply_to),
        "to": _addresses(mail.to),
        "cc": _addresses(mail.cc),
        "subject": mail.subject,
        "date": mail.date.isoformat() if mail.date else None,
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to[0] if mail.in_reply_to else "",
        "references": list(mail.references),
        "text": mail.text,
        "reply_text": reply_text(mail.text),
        "html": mail.html,
        "automatic": mail.classified.automatic.value,
        "auto_submitted": mail.classified.automatic is Automatic.AUTO_REPLY,
        "bounce": mail.classified.bounce,
        "muted": mail.classified.muted,
        "attachments": _attachments(mail),
    }


def _addresses(addresses: tuple[Any, ...]) -> list[dict[str, str]]:
    return [{"address": item.address, "name": item.name} for item in addresses]


def _attachments(mail: ParsedMail) -> list[dict[str, Any]]:
    return [
        {
            "filename": item.name,
            "content_type": item.content_type,
            "size": item.size,
            "sha256": item.sha256,
            "content_id": item.content_id,
            "inline": item.inline,
        }
        for item in mail.attachments
    ]
