"""`InboundMessage` v1: what every channel's deliveries become before they reach the topic.

Drawn over mail, web chat, web form, Telegram, Viber, VK and the HTTP API before the messengers exist; `examples/` holds
one message per channel. Nothing in here may hold NUL or a lone surrogate: `normalize` removes them, because PostgreSQL
refuses both.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, Field, StringConstraints

from schemas.base import MAX_FILES, MAX_INTEGER, MAX_QUOTED_IDS, Wire

SCHEMA_MAJOR: Final = 1
SCHEMA_VERSION: Final = "1.0"
SCHEMA_HEADER: Final = "schema"
"""Name of the record header that holds `inbound-message/<version>`; readers stop at a major they do not know."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A sha256 in lower-case hexadecimal."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""Name of a channel, an account or a scope."""


class Kind(StrEnum):
    """What a delivery turned out to be; `event` is what a platform tells beside the rest: nobody's message."""

    MESSAGE = "message"
    EDIT = "edit"
    RECEIPT = "receipt"
    MEMBERSHIP = "membership"
    EVENT = "event"
    UNDECODABLE = "undecodable"


class Automatic(StrEnum):
    """Who wrote it: a person, or which sort of machine (reference: RFC 3834, RFC 3464, RFC 2919)."""

    NO = "no"
    AUTO_REPLY = "auto_reply"
    BULK = "bulk"
    BOUNCE = "bounce"
    LOOP = "loop"


class FileState(StrEnum):
    """Where an attachment's bytes are: in the blob store, still at the platform, refused by a limit, or lost."""

    STORED = "stored"
    PENDING = "pending"
    REFUSED = "refused"
    FAILED = "failed"


class Result(StrEnum):
    """Outcome of asking whether the sender is who it says (RFC 8601 section 2.7, reduced)."""

    PASS = "pass"  # noqa: S105 - an authentication result, not a password
    FAIL = "fail"
    NONE = "none"
    TEMPERROR = "temperror"


class SubjectPrefix(StrEnum):
    """What the subject's localized prefix claims."""

    NONE = "none"
    REPLY = "reply"
    FORWARD = "forward"


class TokenPlace(StrEnum):
    """Where in a message a token of ours stood (`schemas/tokens.py`), the strongest place first."""

    OWN_ID = "own_id"
    LOOP = "loop"
    RECIPIENT = "recipient"
    DELIVERED_TO = "delivered_to"
    TO = "to"
    CC = "cc"
    IN_REPLY_TO = "in_reply_to"
    REFERENCES = "references"
    REPORT = "report"
    BODY = "body"


class Action(StrEnum):
    """What a delivery report says became of a mail (RFC 3464 section 2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


class BlobRef(Wire):
    """Bytes in the blob store, found by their content."""

    sha256: Digest
    size: int = Field(ge=0, le=MAX_INTEGER, description="bytes")


class Party(Wire):
    """A person or system at the other end: a mail address, or a platform's own user id."""

    address: str = Field(max_length=998, description="mail lower-cased, platform ids as written")
    name: str = Field(default="", max_length=998)


class Verdict(Wire):
    """What is known of the sender. `none` is normal: most domains give no verdict."""

    result: Result = Result.NONE
    method: str = Field(default="", max_length=64, description="spf, dkim, dmarc, signature, token ...")
    domain: str = Field(default="", max_length=255)


class ThreadId(Wire):
    """An identifier that ties messages together: a Message-ID, a reply token, a platform's message or chat id."""

    digest: Digest
    shown: str = Field(default="", max_length=255, description="the id as written, cut for display; never compared")


class FoundToken(Wire):
    """Something with the form of a token of ours, true or not; the router knows which."""

    place: TokenPlace
    value: Annotated[str, StringConstraints(pattern=r"^[a-z2-7]{40}$")]


class OtherRecipient(Wire):
    """Somebody else of whom a report tells; it names them, or they would not stand here."""

    action: Action = Action.FAILED
    status: str = Field(default="", max_length=32, description="enhanced status code (RFC 3463), such as 5.1.1")
    recipient: str = Field(min_length=1, max_length=998, description="who, lower-cased")
    diagnostic: str = Field(default="", max_length=998, description="the other system's words, for people")


class DeliveryReport(Wire):
    """What a bounce says of a mail (RFC 3464, or the prose of systems that do not know it)."""

    action: Action = Action.FAILED
    status: str = Field(default="", max_length=32, description="enhanced status code (RFC 3463), such as 5.1.1")
    recipient: str = Field(default="", max_length=998, description="who did not get it, lower-cased; empty: not said")
    diagnostic: str = Field(default="", max_length=998, description="the other system's words, for people")
    originals: tuple[ThreadId, ...] = Field(default=(), max_length=20, description="ids of the mail it is about")
    others: tuple[OtherRecipient, ...] = Field(default=(), max_length=99, description="more recipients it tells of")


class Text(Wire):
    """A body. `content` holds at most 128 KiB of UTF-8; when it was cut, `overflow` holds the whole."""

    content: str = ""
    overflow: BlobRef | None = None


class File(Wire):
    """One attachment. Its name is data, never a path."""

    name: str = Field(default="", max_length=255)
    content_type: str = Field(default="application/octet-stream", max_length=255)
    size: int | None = Field(default=None, ge=0, le=MAX_INTEGER, description="decoded bytes; None while pending")
    state: FileState = FileState.STORED
    blob: BlobRef | None = None
    content_id: str = Field(default="", max_length=255)
    inline: bool = False
    reason: str = Field(default="", max_length=255, description="why it was refused or failed, for people")
    platform_id: str = Field(default="", max_length=998, description="how the platform names it; never a URL")


class Envelope(Wire):
    """How a mail reached us (RFC 5321). Empty strings and lists on other channels."""

    mail_from: str = Field(default="", max_length=998)
    rcpt_to: tuple[str, ...] = ()
    peer: str = Field(default="", max_length=64, description="address of the connecting host")
    helo: str = Field(default="", max_length=255)
    tls: bool = False
    intake: str = Field(default="", max_length=32, description="smtp, lmtp, imap, import, webhook, poll, socket")


class Thread(Wire):
    """Every id the message carries, the nearest first. All of them only propose; gates decide."""

    own: ThreadId | None = None
    in_reply_to: tuple[ThreadId, ...] = Field(default=(), max_length=MAX_QUOTED_IDS)
    references: tuple[ThreadId, ...] = Field(default=(), max_length=MAX_QUOTED_IDS, description="oldest first")
    conversation: ThreadId | None = Field(default=None, description="the platform's chat; none for mail")
    tokens: tuple[FoundToken, ...] = Field(
        default=(), max_length=MAX_QUOTED_IDS, description="by place, strongest first; in a place, nearest first"
    )
    subject_prefix: SubjectPrefix = SubjectPrefix.NONE
    subject_base: str = Field(default="", max_length=998, description="subject without prefixes and tags, folded")

    def quoted(self) -> tuple[ThreadId, ...]:
        """Ids of other messages, nearest first, each once: In-Reply-To, then References from right to left."""
        seen: dict[str, ThreadId] = {}
        for thread_id in (*self.in_reply_to, *reversed(self.references)):
            seen.setdefault(thread_id.digest, thread_id)
        if self.own is not None:
            seen.pop(self.own.digest, None)
        return tuple(seen.values())


class InboundMessage(Wire):
    """A normalized message of any channel: the value of one record on `switchboard.inbound`."""

    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$")] = SCHEMA_VERSION
    kind: Kind = Kind.MESSAGE
    channel: Name
    account: Name
    scope: Name
    delivery_key: Digest
    fingerprint: Digest | None = Field(
        default=None, description="identity without the body: same id, sender and date; tells a copy from a reused id"
    )
    normalizer_version: int = Field(default=1, ge=1, le=MAX_INTEGER)
    received_at: AwareDatetime = Field(description="when we took it; the order on a ticket")
    sent_at: AwareDatetime | None = Field(default=None, description="what the sender claims; never an order")
    sender: Party
    reply_to: tuple[Party, ...] = Field(default=(), max_length=100)
    to: tuple[Party, ...] = Field(default=(), max_length=1000)
    cc: tuple[Party, ...] = Field(default=(), max_length=1000)
    verdict: Verdict = Verdict()
    automatic: Automatic = Automatic.NO
    muted: bool = Field(default=False, description="the sender asks for no automatic answer")
    bcc: bool = Field(default=False, description="none of our addresses stands in To or Cc")
    subject: str = Field(default="", max_length=998)
    text: Text = Text()
    html: Text | None = None
    files: tuple[File, ...] = Field(default=(), max_length=10 * MAX_FILES)
    thread: Thread = Thread()
    report: DeliveryReport | None = Field(default=None, description="what a bounce says; None for all other mail")
    forwarded: Party | None = Field(default=None, description="who wrote what this message forwards; a claim")
    album: str = Field(default="", max_length=255, description="platform's group id of messages that are one")
    raw: BlobRef
    envelope: Envelope = Envelope()
    problem: str = Field(default="", max_length=998, description="undecodable: what was wrong, for people")
    details: dict[str, Any] = Field(default_factory=dict, description="small channel facts: contact, location, edit")


def record_header(version: str = SCHEMA_VERSION) -> tuple[str, bytes]:
    """Give the record header that names the schema of the value."""
    return (SCHEMA_HEADER, f"inbound-message/{version}".encode())
