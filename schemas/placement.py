"""Where a message was placed and why: what router, store and the people's screens say to each other about it."""

from enum import StrEnum
from hashlib import sha256
from typing import Final

from schemas.base import Wire


class Rule(StrEnum):
    """What placed a message; the numbers of the reference are in `router/rules`."""

    IDS = "ids"
    SENDER = "sender"
    UNMATCHED = "unmatched"
    NEW = "new"
    KIND = "kind"
    ORIGINAL_ARRIVED = "original_arrived"
    OPERATOR = "operator"


class Outcome(StrEnum):
    """What became of a message."""

    JOINED = "joined"
    OPENED = "opened"
    HELD = "held"
    NOTED = "noted"
    DISCARDED = "discarded"


class HoldReason(StrEnum):
    """Why a message waits for an operator."""

    UNMATCHED = "unmatched_reply"
    STRANGER = "stranger"
    SUSPICIOUS = "suspicious"
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
    SUBJECT = "subject"
    CLOSED = "closed"


class Source(StrEnum):
    """Which part of a message proposed a ticket."""

    IN_REPLY_TO = "in_reply_to"
    REFERENCES = "references"
    SENDER = "sender_and_subject"
    OPERATOR = "operator"


class Relation(StrEnum):
    """How the proposing id is known: of a message we have, or only seen in somebody's References."""

    KNOWN = "known"
    QUOTED = "quoted"
    NONE = "none"


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


class Decision(Wire):
    """Everything about one placement. `explanation` is for people; `ticket` is the public number."""

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


OPEN: Final = "open"
CLOSED: Final = "closed"
"""The two statuses that routing itself sets or asks for."""


def address_key(channel: str, address: str) -> bytes:
    """Give the identity of an address: equal strings on two channels are two people until somebody proves otherwise."""
    return sha256(f"{channel}\0{address.strip().lower()}".encode("utf-8", "surrogatepass")).digest()


def match_key(account: str, requester: bytes, subject_base: str) -> bytes:
    """Give the identity of account, requester and normalized subject, by which rule 9 looks for an open ticket."""
    return sha256(b"\0".join((account.encode(), requester, subject_base.encode("utf-8", "surrogatepass")))).digest()
