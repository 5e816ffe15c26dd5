"""A raw mail as data: headers decoded, bodies chosen, files named. Raises only over the structure limits."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from connectors.mail.addresses import Address, addresses_of, read_sender
from connectors.mail.automatic import Classified, Signals, classify
from connectors.mail.bodies import choose_bodies
from connectors.mail.dates import read_date
from connectors.mail.delivery_reports import Bounce, read_report
from connectors.mail.embedded import Embedded, embedded_mails
from connectors.mail.fields import Head
from connectors.mail.files import Attachment, collect_files
from connectors.mail.guess import guess
from connectors.mail.parts import Contents, Part, native_contents, own_contents, read_parts
from connectors.mail.structure import StructureReport, check_structure
from connectors.mail.texts import read_texts
from connectors.mail.thread_ids import ids_in
from connectors.mail.words import decode_value
from schemas.message import DeliveryReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMail:
    """What a mail says. Text is clean: no NUL, no lone surrogates, no controls but tab and line feed.

    `html` is None when no part is HTML; `text` is made of the HTML where there is no plain text.
    """

    head: Head
    sender: Address
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    date: datetime | None
    message_id: str
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    text: str
    html: str | None
    attachments: tuple[Attachment, ...]
    classified: Classified
    report: DeliveryReport | None = None
    inside: Sequence[Embedded] = ()


def parse(raw: bytes, report: StructureReport | None = None, *, null_sender: bool | None = None) -> ParsedMail:
    """Parse with the native decoder where it can be trusted, tolerantly otherwise.

    `report`: the structure check's, if it has run. `null_sender`: the envelope's MAIL FROM was empty;
    None when there is no envelope to ask: then Return-Path tells.
    Raises `InvalidDeliveryError` only for a mail over the structure limits.
    """
    raw = mend_line_ends(raw)
    report = report or check_structure(raw)
    contents = native_contents(raw, report) or own_contents(raw, report)
    return assemble(raw, report, contents, null_sender=null_sender)


def parse_tolerantly(raw: bytes, *, null_sender: bool | None = None) -> ParsedMail:
    """Parse without the native decoder; the same result, wherever the native decoder is right."""
    raw = mend_line_ends(raw)
    report = check_structure(raw)
    return assemble(raw, report, own_contents(raw, report), null_sender=null_sender)


def mend_line_ends(raw: bytes) -> bytes:
    """Give a mail whose lines end with CR alone (old Macs) line ends that can be found."""
    return raw if b"\n" in raw or b"\r" not in raw else raw.replace(b"\r", b"\n")


def assemble(raw: bytes, report: StructureReport, contents: Contents, *, null_sender: bool | None) -> ParsedMail:
    """Make the mail of its parts."""
    root = read_parts(raw, report, contents)
    parts = list(root.walk())
    head, hint = report.regions[0].head, _charset_hint(parts)
    bodies = choose_bodies(root)
    texts = read_texts(bodies)
    sender = read_sender(head, hint)
    subject = decode_value(head.first("subject"), hint)
    null = head.first("return-path").replace(b" ", b"") == b"<>" if null_sender is None else null_sender
    signals = Signals(
        head=head,
        media_types=tuple(part.media_type for part in parts),
        subject=subject,
        sender=sender.address or sender.name,
        text=texts.text,
        null_sender=null,
    )
    to = addresses_of(head, "to", hint)
    classified, inside = classify(signals), embedded_mails(parts)
    return ParsedMail(
        head=head,
        sender=sender,
        reply_to=addresses_of(head, "reply-to", hint),
        to=to,
        cc=addresses_of(head, "cc", hint),
        subject=subject,
        date=read_date(head.first("date")),
        message_id=next(iter(ids_in(head.first("message-id"))), ""),
        in_reply_to=tuple(ids_in(b" ".join(head.all("in-reply-to")))),
        references=tuple(ids_in(b" ".join(head.all("references")))),
        text=texts.text,
        html=texts.html,
        attachments=collect_files(bodies.files, texts.files, hint),
        classified=classified,
        report=_report(classified, signals, parts, inside, to),
        inside=inside,
    )


def _report(
    classified: Classified, signals: Signals, parts: list[Part], inside: Sequence[Embedded], to: Sequence[Address]
) -> DeliveryReport | None:
    if not classified.bounce:
        return None
    ours = frozenset(address.address.lower() for address in to)
    return read_report(
        Bounce(head=signals.head, subject=signals.subject, text=signals.text, parts=parts, inside=inside, ours=ours)
    )


def sha256_of(content: bytes) -> str:
    """Give the digest by which blobs are found."""
    return hashlib.sha256(content).hexdigest()


def _charset_hint(parts: list[Part]) -> str:
    """Give the charset that the mail declares for its text: raw 8-bit headers use it, too.

    Where it declares none, the body says more about its charset than a short subject does.
    """
    texts = [part for part in parts if part.media_type.startswith("text/")]
    declared = next((part.charset for part in texts if part.charset), "")
    if declared or not texts or texts[0].content.isascii():
        return declared
    return guess(texts[0].content)
