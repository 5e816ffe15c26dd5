"""A mail delivery as an `InboundMessage`: pure, the same for the same input. Only `InvalidDeliveryError` escapes."""

from collections.abc import Sequence
from typing import Final

from connectors.base import Delivery, InvalidDeliveryError, Normalized
from connectors.mail.addresses import Address, addresses_of, read_sender
from connectors.mail.fields import Head, find_body, head_start
from connectors.mail.files import Attachment
from connectors.mail.forwards import forwarded_sender
from connectors.mail.identity import identify
from connectors.mail.parse import ParsedMail, mend_line_ends, parse, sha256_of
from connectors.mail.structure import StructureReport
from connectors.mail.subjects import Subject, read_subject
from connectors.mail.texts import clean_text
from connectors.mail.thread_ids import first_and_last, ids_in, thread_id
from connectors.mail.tokens import TokenPlaces, find_tokens
from connectors.mail.words import clean_line, decode_value
from schemas.base import MAX_FILE_BYTES, MAX_FILES, MAX_INLINE_TEXT_BYTES, MAX_QUOTED_IDS
from schemas.message import BlobRef, Envelope, File, FileState, InboundMessage, Kind, Party, Text, Thread

NORMALIZER_VERSION: Final = 2
_MAX_LINE: Final = 998
_MAX_LISTED_FILES: Final = 10 * MAX_FILES
_MAX_PARTIES: Final = 1000
_MAX_REPLY_TO: Final = 100
_MAX_HEAD: Final = 256 * 1024


def normalize(delivery: Delivery, report: StructureReport | None = None) -> Normalized:
    """Make the message of a mail. Raises `InvalidDeliveryError` and nothing else, but for want of memory.

    A fault of ours on one mail holds that mail with a reason, its raw kept for a later reading, and stops no other.
    """
    try:
        return build(delivery, report)
    except (InvalidDeliveryError, MemoryError):
        raise
    except Exception as error:
        raise InvalidDeliveryError(f"normalize: {type(error).__name__} in the normalizer itself") from error


def build(delivery: Delivery, report: StructureReport | None = None) -> Normalized:
    """Make the message and the blobs that it names (files and long text; the raw mail is the intake's to store).

    `report`: the structure check's, if it has run on these bytes. Raises `InvalidDeliveryError` over its limits.
    """
    mail = parse(delivery.raw, report, null_sender=_null_sender(delivery))
    blobs: dict[str, bytes] = {}
    files = _files(mail.attachments, blobs)
    text, html = _text(mail.text, blobs), None if mail.html is None else _text(mail.html, blobs)
    identity, subject = identify(delivery.raw, delivery.account.name), read_subject(mail.subject)
    message = InboundMessage(
        channel=delivery.account.channel,
        account=delivery.account.name,
        scope=delivery.account.scope,
        delivery_key=identity.delivery_key,
        fingerprint=identity.fingerprint,
        normalizer_version=NORMALIZER_VERSION,
        received_at=delivery.received_at,
        sent_at=mail.date,
        sender=_party(mail.sender),
        reply_to=_parties(mail.reply_to, _MAX_REPLY_TO),
        to=_parties(mail.to, _MAX_PARTIES),
        cc=_parties(mail.cc, _MAX_PARTIES),
        automatic=mail.classified.automatic,
        muted=mail.classified.muted,
        bcc=_is_bcc(delivery, (*mail.to, *mail.cc)),
        subject=_line(mail.subject),
        text=text,
        html=html,
        files=files,
        thread=_thread(subject, _places(delivery, mail)),
        report=mail.report,
        forwarded=_forwarded(subject, mail),
        raw=_blob(delivery.raw),
        envelope=_envelope(delivery),
    )
    return Normalized(message=message, blobs=tuple(blobs.values()))


def undecodable(delivery: Delivery, reason: str) -> InboundMessage:
    """Make the record of a mail that no parser may touch: what the top of its header says, and why it is held."""
    head, hint = safe_head(delivery.raw), ""
    identity = identify(delivery.raw, delivery.account.name)
    subject = decode_value(head.first("subject"), hint)
    places = TokenPlaces(
        head=head,
        own=next(iter(ids_in(head.first("message-id"))), ""),
        recipients=delivery.rcpt_to,
        in_reply_to=ids_in(head.first("in-reply-to")),
        references=ids_in(head.first("references")),
    )
    return InboundMessage(
        kind=Kind.UNDECODABLE,
        channel=delivery.account.channel,
        account=delivery.account.name,
        scope=delivery.account.scope,
        delivery_key=identity.delivery_key,
        fingerprint=identity.fingerprint,
        normalizer_version=NORMALIZER_VERSION,
        received_at=delivery.received_at,
        sender=_party(read_sender(head, hint)),
        to=_parties(addresses_of(head, "to", hint), _MAX_PARTIES),
        subject=_line(subject),
        thread=_thread(read_subject(subject), places),
        raw=_blob(delivery.raw),
        envelope=_envelope(delivery),
        problem=_line(clean_line(reason)),
    )


def safe_head(raw: bytes) -> Head:
    """Read the header alone, of at most 256 KiB; accepts anything."""
    raw = mend_line_ends(raw[:_MAX_HEAD])
    start = head_start(raw)
    return Head(raw[start : find_body(raw, start, len(raw))])


def _null_sender(delivery: Delivery) -> bool | None:
    """Say whether MAIL FROM was empty; only SMTP and LMTP tell that from an unknown one."""
    return delivery.mail_from in {"", "<>"} if delivery.intake in {"smtp", "lmtp"} else None


def _files(attachments: Sequence[Attachment], blobs: dict[str, bytes]) -> tuple[File, ...]:
    return tuple(_file(item, number, blobs) for number, item in enumerate(attachments[:_MAX_LISTED_FILES], start=1))


def _file(item: Attachment, number: int, blobs: dict[str, bytes]) -> File:
    name = item.name[:255]
    reason = _refusal(item, name, number)
    if not reason:
        blobs.setdefault(item.sha256, item.content)
    return File(
        name=name,
        content_type=item.content_type[:255] or "application/octet-stream",
        size=item.size,
        state=FileState.REFUSED if reason else FileState.STORED,
        blob=None if reason else BlobRef(sha256=item.sha256, size=item.size),
        content_id=_line(item.content_id)[:255],
        inline=item.inline,
        reason=reason,
    )


def _refusal(item: Attachment, name: str, number: int) -> str:
    if item.size > MAX_FILE_BYTES:
        return f"refused: {name[:120]}, {item.size} bytes (limit {MAX_FILE_BYTES})"
    if number > MAX_FILES:
        return f"refused: {name[:120]}, {item.size} bytes, file {number} of a message (limit {MAX_FILES})"
    return ""


def _text(content: str, blobs: dict[str, bytes]) -> Text:
    """Keep 128 KiB of UTF-8 in the record, cut at a character; the whole becomes a blob when it is longer."""
    if len(content) * 4 <= MAX_INLINE_TEXT_BYTES:
        return Text(content=content)
    encoded = content.encode("utf-8", "replace")
    if len(encoded) <= MAX_INLINE_TEXT_BYTES:
        return Text(content=content)
    overflow = _blob(encoded)
    blobs.setdefault(overflow.sha256, encoded)
    return Text(content=encoded[:MAX_INLINE_TEXT_BYTES].decode("utf-8", "ignore"), overflow=overflow)


def _places(delivery: Delivery, mail: ParsedMail) -> TokenPlaces:
    return TokenPlaces(
        head=mail.head,
        own=mail.message_id,
        recipients=delivery.rcpt_to,
        to=[address.address for address in mail.to],
        cc=[address.address for address in mail.cc],
        in_reply_to=mail.in_reply_to,
        references=mail.references,
        reported=[token for inside in mail.inside for token in inside.tokens],
        text=mail.text,
    )


def _thread(subject: Subject, places: TokenPlaces) -> Thread:
    return Thread(
        own=thread_id(places.own) if places.own else None,
        in_reply_to=tuple(thread_id(item) for item in places.in_reply_to[:MAX_QUOTED_IDS]),
        references=tuple(thread_id(item) for item in first_and_last(list(places.references))),
        tokens=find_tokens(places),
        subject_prefix=subject.prefix,
        subject_base=subject.base,
    )


def _forwarded(subject: Subject, mail: ParsedMail) -> Party | None:
    found = forwarded_sender(subject.prefix, mail.text, mail.inside)
    return None if found is None else _party(found)


def _blob(content: bytes) -> BlobRef:
    return BlobRef(sha256=sha256_of(content), size=len(content))


def _party(address: Address) -> Party:
    return Party(address=_line(address.address).lower()[:_MAX_LINE], name=_line(address.name))


def _parties(addresses: Sequence[Address], limit: int) -> tuple[Party, ...]:
    return tuple(_party(address) for address in addresses[:limit])


def _is_bcc(delivery: Delivery, shown: Sequence[Address]) -> bool:
    """Say whether none of the recipients we took the mail for stands in To or Cc."""
    ours = {address.lower() for address in delivery.rcpt_to}
    return bool(ours) and not any(address.address.lower() in ours for address in shown)


def _envelope(delivery: Delivery) -> Envelope:
    return Envelope(
        mail_from=_line(clean_line(delivery.mail_from)),
        rcpt_to=tuple(_line(clean_line(address)) for address in delivery.rcpt_to),
        peer=clean_line(delivery.peer)[:64],
        helo=clean_line(delivery.helo)[:255],
        tls=delivery.tls,
        intake=delivery.intake[:32],
    )


def _line(text: str) -> str:
    return clean_text(text)[:_MAX_LINE]
