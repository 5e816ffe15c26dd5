"""A mail of ours as bytes: the same ones for the same letter, so that a second sending is a copy and no second mail.

Headers are written here and not by the standard library, which breaks long Message-IDs into encoded words; each value
is cleaned of everything that could end a line (RFC 5322 section 2.2). What is not ASCII is encoded (RFC 2047), but for
addresses, which then need a relay that speaks SMTPUTF8 (RFC 6531).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from hashlib import sha256
from typing import Final

from connectors.mail.smtp_address import same_domain
from schemas.message import Party
from schemas.tokens import reply_address_with, token_in_message_id

LINE: Final = 76
CRLF: Final = "\r\n"
MOST_IDS: Final = 21
"""Ids in References: the first and the last twenty, so that no header grows with the years (RFC 5322 section 3.6.4)."""
MAX_ID: Final = 900
"""Characters of an id: its line stays under 998 (RFC 5322 section 2.1.1)."""
_PLAIN_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&'*+-/=?^_`{|}~")
_MAX_NAME: Final = 255


class CannotComposeError(ValueError):
    """This letter can be no mail; the message says why, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that goes along."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class MailLetter:
    """What a mail of ours says. Ids stand without brackets; `message_id` carries the token of the reply address.

    `automatic`: a machine wrote it, and no machine shall answer (RFC 3834).
    """

    message_id: str
    sender: Party
    to: Sequence[Party]
    cc: Sequence[Party]
    subject: str
    text: str
    date: datetime
    in_reply_to: Sequence[str] = ()
    references: Sequence[str] = ()
    files: Sequence[Attached] = ()
    automatic: bool = False


def reply_address(message_id: str, address: str) -> str:
    """Give where answers to a mail of ours go, and bounces of it."""
    return reply_address_with(token_in_message_id(message_id), address)


def compose(letter: MailLetter) -> bytes:
    """Write the mail. Raises `CannotComposeError`."""
    token = token_in_message_id(letter.message_id)
    if not token or not _is_id(letter.message_id):
        raise CannotComposeError("its Message-ID carries no token of ours")
    head = CRLF.join(_headers(letter, token)) + CRLF
    return head.encode("utf-8") + _body(letter)


def _headers(letter: MailLetter, token: str) -> Iterator[str]:
    yield f"Date: {format_datetime(letter.date)}"
    yield f"From: {_mailbox(letter.sender)}"
    yield _list("To", letter.to)
    if letter.cc:
        yield _list("Cc", letter.cc)
    yield f"Reply-To: {_address(reply_address(letter.message_id, letter.sender.address))}"
    yield f"Subject: {_words(letter.subject, 'Subject')}"
    yield f"Message-ID: <{letter.message_id}>"
    yield from _ids("In-Reply-To", letter.in_reply_to)
    yield from _ids("References", letter.references)
    yield f"X-Loop: sb.{token}"
    if letter.automatic:
        yield "Auto-Submitted: auto-replied"
        yield "X-Auto-Response-Suppress: All"


def _ids(name: str, ids: Iterable[str]) -> Iterator[str]:
    """Write ids, each on a line of its own: they are never broken. What is no plain id is left out."""
    plain = [bare for bare in (one.strip().strip("<>") for one in ids) if _is_id(bare)]
    plain = plain if len(plain) <= MOST_IDS else [plain[0], *plain[1 - MOST_IDS :]]
    if plain:
        yield f"{name}: " + f"{CRLF} ".join(f"<{one}>" for one in plain)


def _is_id(text: str) -> bool:
    return 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable() and not {" ", "<", ">"}.intersection(text)


def _list(name: str, parties: Sequence[Party]) -> str:
    if not parties:
        raise CannotComposeError("it goes to nobody")
    return f"{name}: " + f",{CRLF} ".join(_mailbox(party) for party in parties)


def _mailbox(party: Party) -> str:
    address, name = _address(party.address), _clean(party.name)[:_MAX_NAME]
    if not name:
        return address
    if name.isascii() and len(name) < LINE - len("From: "):
        return f"{name if _PLAIN_NAME.issuperset(name) else _quoted(name)}{CRLF} <{address}>"
    return f"{_encoded(name, 'Reply-To')}{CRLF} <{address}>"


def _address(address: str) -> str:
    local, _, domain = address.strip().rpartition("@")
    if not local or not domain or not address.isprintable() or set(address) & set(' <>,;:"()[]\\'):
        raise CannotComposeError("an address cannot be written into a mail")
    return f"{local}@{same_domain(domain)}"


def _quoted(name: str) -> str:
    inner = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def _words(text: str, name: str) -> str:
    clean = _clean(text)
    return clean if clean.isascii() and len(clean) < LINE - len(name) and "=?" not in clean else _encoded(clean, name)


def _encoded(text: str, name: str) -> str:
    return Header(text, "utf-8", maxlinelen=LINE, header_name=name).encode(linesep=CRLF)


def _clean(text: str) -> str:
    """Give one line: no controls, no separators of lines or paragraphs, no lone surrogates."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(c if c.isprintable() else " " for c in whole).split())


def _body(letter: MailLetter) -> bytes:
    mail = EmailMessage(policy=SMTP)
    text = letter.text.encode("utf-8", "replace").decode("utf-8")
    is_latin = 2 * sum(character < "\u0250" for character in text) > len(text)
    mail.set_content(text, charset="utf-8", cte="quoted-printable" if is_latin else "base64")
    for file in letter.files:
        maintype, _, subtype = _content_type(file.content_type).partition("/")
        mail.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=_clean(file.name) or "file")
    if letter.files:
        mail.set_boundary(f"=_{sha256(letter.message_id.encode()).hexdigest()[:40]}")
    return mail.as_bytes()


def _content_type(text: str) -> str:
    """Give a type that may stand on an attachment: never one that a reader would open as a part of the mail."""
    maintype, slash, subtype = text.strip().lower().partition("/")
    plain = slash and all(part and part.isascii() and part.replace("-", "").replace(".", "").replace("+", "").isalnum()
                          for part in (maintype, subtype))  # fmt: skip
    return f"{maintype}/{subtype}" if plain and maintype not in ("multipart", "message") else "application/octet-stream"
