"""Where a message was placed and why: what router, store and the people's screens say to each other about it."""

from enum import StrEnum
from hashlib import sha256
from typing import Final

from pydantic import Field

from schemas.base import Wire


class Rule(StrEnum):
    """What placed a message; the numbers of the reference are in `router/rules`."""

    LOOP = "loop"
    REPLY_TOKEN = "reply_token"  # noqa: S105 - a rule's name, not a password
    SIGNED_ID = "signed_id"
    IDS = "ids"
    LEGACY = "legacy"
    SUBJECT_TAG = "subject_tag"
    REPORT = "report"
    BODY_TOKEN = "body_token"  # noqa: S105 - a rule's name, not a password
    STAFF = "staff"
    SENDER = "sender"
    PROOF = "proof"
    CONVERSATION = "conversation"
    ALBUM = "album"
    EDIT = "edit"
    ECHO = "echo"
    RECEIPT = "receipt"
    UNMATCHED = "unmatched"
    NEW = "new"
    KIND = "kind"
    ORIGINAL_ARRIVED = "original_arrived"
    NOTICE = "notice"
    OPERATOR = "operator"


class Outcome(StrEnum):
    """What became of a message."""

    JOINED = "joined"
    OPENED = "opened"
    HELD = "held"
    NOTED = "noted"
    DISCARDED = "discarded"
    FORWARDED = "forwarded"


class HoldReason(StrEnum):
    """Why a message waits for an operator."""

    UNMATCHED = "unmatched_reply"
    STRANGER = "stranger"
    SUSPICIOUS = "suspicious"
    LEGACY = "legacy"
    STAFF = "staff"
    SPAM = "spam"
    FOLLOWS_HELD = "follows_held"
    REPLIES_ONLY = "replies_only"
    AUTOMATIC = "auto_reply"
    BOUNCE = "bounce"
    EDIT = "edit"
    UNDECODABLE = "undecodable"


class Fault(StrEnum):
    """Whose fault a failed transaction is, and so what happens next."""

    RECORD = "record"
    OURS = "ours"
    AGAIN = "again"
    UNKNOWN = "unknown"


class Gate(StrEnum):
    """What can refuse a candidate, in the order of the gates."""

    SCOPE = "scope"
    REUSED = "reused_id"
    AMBIGUOUS = "ambiguous"
    PARTICIPANT = "participant"
    VERDICT = "verdict"
    FORWARD = "forward"
    TOKEN = "token"  # noqa: S105 - a gate's name, not a password
    SUBJECT = "subject"
    SPAM = "spam"
    CLOSED = "closed"


class Source(StrEnum):
    """Which part of a message proposed a ticket."""

    IN_REPLY_TO = "in_reply_to"
    REFERENCES = "references"
    REPLY_TOKEN = "reply_token"  # noqa: S105 - where evidence stood, not a password
    SIGNED_ID = "signed_id"
    LOOP = "loop"
    LEGACY = "legacy"
    SUBJECT_TAG = "subject_tag"
    REPORT = "report"
    BODY_TOKEN = "body_token"  # noqa: S105 - where evidence stood, not a password
    SENDER = "sender_and_subject"
    CONVERSATION = "conversation"
    PROOF = "proof"
    ALBUM = "album"
    ECHO = "echo"
    OPERATOR = "operator"


class Relation(StrEnum):
    """How the proposing id is known: of a message we have, or only seen in somebody's References."""

    KNOWN = "known"
    QUOTED = "quoted"
    NONE = "none"


class Author(StrEnum):
    """Who speaks in a message: never decided by a display name."""

    CUSTOMER = "customer"
    AGENT = "agent"
    SYSTEM = "system"


class Visibility(StrEnum):
    """Who may see a message. `unverified`: agents alone, and shown to them as nobody's proven words."""

    PUBLIC = "public"
    INTERNAL = "internal"
    UNVERIFIED = "unverified"


class SendKind(StrEnum):
    """Why we send something."""

    REPLY = "reply"
    NOTE = "note"
    NOTICE = "notice"
    FORWARD = "forward"


class NoticeReason(StrEnum):
    """What a notice tells a sender."""

    REFUSED_FILE = "refused_file"
    RECEIPT = "receipt"
    HELD = "held"


class Evidence(Wire):
    """What spoke for the ticket. `shown` is the id as written, cut; it is data, not for logs."""

    source: Source
    relation: Relation = Relation.NONE
    shown: str = ""
    message_id: int | None = None


class Rejected(Wire):
    """A candidate and the gate that refused it."""

    ticket: str = ""
    gate: Gate
    evidence: Evidence
    reason: str = ""


class Suggestion(Wire):
    """A ticket that a person may want to look at; nothing is merged by itself."""

    ticket: str
    why: str
    score: int = Field(default=0, description="weight of what speaks for it; compares within one message alone")


class Decision(Wire):
    """Everything about one placement. `explanation` is for people; `ticket` is the public number.

    `requester` is the address of who may really have asked, where staff forwarded it; an agent confirms it.
    """

    rule: Rule
    outcome: Outcome
    explanation: str
    ticket: str = ""
    continues: str = ""
    reopened: bool = False
    hold: HoldReason | None = None
    evidence: tuple[Evidence, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    suggestions: tuple[Suggestion, ...] = ()
    requester: str = ""


OPEN: Final = "open"
CLOSED: Final = "closed"
SPAM: Final = "spam"
"""The statuses that routing itself sets or asks for. A ticket that is spam is closed, and nothing joins it."""


MAIL: Final = "mail"
"""The channel whose addresses are the world's: everybody's mail leads to one mailbox, whichever account sends it."""


def address_key(channel: str, account: str, address: str) -> bytes:
    """Give the identity of an address: equal strings on two channels are two people until somebody proves otherwise.

    So they are on two accounts of a channel, but in mail: what a platform or a system calls its people means nothing to
    another bot or system, even where their accounts share tickets. Only mail addresses are the same in any case.
    """
    who = f"{channel}\0{address.strip().lower()}" if channel == MAIL else f"{channel}\0{account}\0{address.strip()}"
    return sha256(who.encode("utf-8", "surrogatepass")).digest()


def match_key(account: str, requester: bytes, subject_base: str) -> bytes:
    """Give the identity of account, requester and normalized subject, by which rule 9 looks for an open ticket."""
    return sha256(b"\0".join((account.encode(), requester, subject_base.encode("utf-8", "surrogatepass")))).digest()
