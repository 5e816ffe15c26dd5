# ruff: noqa: RUF001 - patterns stand in the scripts of their languages
"""Who wrote what somebody forwards: the From of an attached mail, or of the block that clients put into the text.

A claim and no more: whoever forwards may write there what he likes.
"""

import re
from collections.abc import Sequence
from typing import Final

from connectors.mail.addresses import Address, parse_addresses
from connectors.mail.embedded import Embedded
from schemas.message import SubjectPrefix

_MARK: Final = re.compile(
    r"^[-_=*>\s]{0,40}(?:begin )?"
    r"(?:forwarded message|mensagem (?:re)?encaminhada|mensaje reenviado|weitergeleitete nachricht|"
    r"message transf[ée]r[ée]|messaggio inoltrato|doorgestuurd bericht|пересылаемое сообщение|пересланное сообщение|"
    r"переадресованное сообщение|przekazana wiadomość|vidarebefordrat meddelande|転送メッセージ|转发的邮件)"
    r"[-_=*:\s]{0,40}$",
    re.IGNORECASE | re.MULTILINE,
)
"""A line of its own: prose about forwarded messages forwards nothing."""

_STEMS: Final = (
    "forwarded message", "encaminhada", "mensaje reenviado", "weitergeleitete nachricht", "message transf",
    "messaggio inoltrato", "doorgestuurd bericht", "пересылаемое", "пересланное", "переадресованное", "przekazana",
    "vidarebefordrat", "転送メッセージ", "转发的邮件",
)  # fmt: skip
"""One of these is in every mark: they are found much faster than the pattern, which a text without a mark is spared."""

_FROM: Final = re.compile(
    r"^[>\s*_]{0,8}(?:from|de|von|da|van|от|от кого|отправитель|від|od|från|fra|lähettäjä|kimden|feladó|"
    r"差出人|发件人|寄件者|보낸 사람)"
    r"[*_]{0,2}[ \t]?[:：][*_]{0,2}[ \t]*(?P<who>[^\n]{3,400})$",
    re.IGNORECASE | re.MULTILINE,
)
_MAILTO: Final = re.compile(r"\[mailto:([^\]\s]+)\]|\(mailto:([^)\s]+)\)", re.IGNORECASE)
_SCANNED: Final = 64 * 1024


def forwarded_sender(prefix: SubjectPrefix, text: str, inside: Sequence[Embedded]) -> Address | None:
    """Give the inner sender, with an address; None when nothing says that the mail forwards another one."""
    attached = next((mail.sender for mail in inside if mail.sender.address), None)
    sample = text[:_SCANNED]
    mark = _mark(sample)
    if prefix is not SubjectPrefix.FORWARD and mark is None:
        return None
    written = _written(sample, mark.end() if mark else 0)
    return written or (attached if prefix is SubjectPrefix.FORWARD else None)


def _mark(sample: str) -> re.Match[str] | None:
    folded = sample.lower()
    return _MARK.search(sample) if any(stem in folded for stem in _STEMS) else None


def _written(text: str, start: int) -> Address | None:
    for match in _FROM.finditer(text, start):
        who = _MAILTO.sub(lambda found: f"<{found[1] or found[2]}>", match["who"])
        found = next((a for a in parse_addresses(who.encode("utf-8", "replace")) if "@" in a.address), None)
        if found is not None:
            return found
    return None
