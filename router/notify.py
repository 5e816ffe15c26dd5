"""Which messages call for a notice to their sender, and whom nobody ever tells anything by itself. Pure.

The rules are those of automatic answers (RFC 3834 sections 2 and 3.1.1) and of backscatter: a notice goes to the
address in From alone, once that address is shown to be the sender's own. Reply-To is never used, because whoever writes
the mail may put anybody's address there. How many notices an address gets is decided later (`lifecycle/notices.py`).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from router.contacts import chat_of
from router.incoming import MAIL, Incoming
from router.placed import Placed
from router.policy import AccountPolicy, Policies, Takes
from schemas.conversation_rows import AmendableRow
from schemas.message import Automatic, FileState, InboundMessage, Kind, Result
from schemas.notice_rows import NoticeRow
from schemas.placement import Author, Decision, HoldReason, NoticeReason, Outcome, Visibility
from schemas.placement import Rule as PlacedBy

LONGEST: Final = 254
"""Octets of an address (RFC 5321 section 4.5.3.1.3)."""

READ_WHEN_HELD: Final = frozenset(
    {HoldReason.UNMATCHED, HoldReason.STRANGER, HoldReason.LEGACY, HoldReason.FOLLOWS_HELD, HoldReason.REPLIES_ONLY}
)
"""Held messages that a person will read as a customer's: their senders are told of a refused file, too."""

_ADDRESS: Final = re.compile(r"[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]{1,64}@[^\s@<>()\[\],;:\\\"\x00-\x20\x7f]{1,253}")
_MACHINE: Final = re.compile(
    r"(?:^|[-_.+=])(?:"
    r"no[-_.]?repl(?:y|ies)|do[-_.]?not[-_.]?reply|dont[-_.]?reply|n[aã]o[-_.]?respond(?:a|er)|no[-_.]?responder"
    r"|ne[-_.]?pas[-_.]?repondre|nicht[-_.]?antworten|ne[-_.]?otvechai?(?:t|te|yte)?"
    r"|auto[-_.]?reply|auto[-_.]?respon(?:d|s)er?|mail(?:er)?[-_.]?daemon|bounces?"
    r")(?:$|[-_.+=0-9])"
    r"|^(?:postmaster|daemon|listserv|majordomo|mailman|sympa|nobody|noone|devnull|root|cron|www-data"
    r"|owner-.*|.*-(?:owner|request))$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A placed message with what its account wants, at the time of deciding."""

    placed: Placed
    policies: Policies
    now: datetime

    @property
    def inbound(self) -> InboundMessage:
        """The message as it came."""
        return self.placed.message.message

    @property
    def policy(self) -> AccountPolicy:
        """What its account wants."""
        return self.policies.of(self.inbound.account)

    @property
    def address(self) -> str:
        """Where a notice would go."""
        return self.inbound.sender.address.strip().lower()


Rule = tuple[str, Callable[[Case], bool]]

IN_CONVERSATIONS: Final[tuple[Rule, ...]] = (
    ("it is no message", lambda case: case.inbound.kind is not Kind.MESSAGE),
    ("it belongs to no conversation", lambda case: not chat_of(case.inbound)),
    ("it waited in the spool and was placed later", lambda case: case.placed.stored),
    ("a machine wrote it", lambda case: case.inbound.automatic is not Automatic.NO),
    ("its sender asks for no automatic answer", lambda case: case.inbound.muted),
    ("it is an echo of ours", lambda case: "echo" in case.inbound.details),
    ("it was imported", lambda case: case.inbound.envelope.intake == "import"),
    ("it was received too long ago", lambda case: case.now - case.inbound.received_at > case.policy.notices.max_age),
    ("its sender is not proven", lambda case: case.inbound.verdict.result is not Result.PASS),
    ("it is not the customer's to see", lambda case: case.placed.visibility is not Visibility.PUBLIC),
    ("somebody of ours speaks in it", lambda case: case.placed.author is not Author.CUSTOMER),
)
"""The same for a notice into the conversation in which the message was written."""

NEVER: Final[tuple[Rule, ...]] = (
    ("it is no message", lambda case: case.inbound.kind is not Kind.MESSAGE),
    ("it waited in the spool and was placed later", lambda case: case.placed.stored),
    ("a machine wrote it", lambda case: case.inbound.automatic is not Automatic.NO),
    ("its sender asks for no automatic answer", lambda case: case.inbound.muted),
    ("it has no return address", lambda case: not case.inbound.envelope.mail_from.strip(" <>")),
    ("none of our addresses stands in To or Cc", lambda case: case.inbound.bcc),
    ("it was imported", lambda case: case.inbound.envelope.intake == "import"),
    ("it was received too long ago", lambda case: case.now - case.inbound.received_at > case.policy.notices.max_age),
    ("its sender is not proven", lambda case: not case.policy.trusts(case.inbound.verdict.result)),
    ("its sender has no usable address", lambda case: not _is_usable(case.address)),
    ("it is not the customer's to see", lambda case: case.placed.visibility is not Visibility.PUBLIC),
    ("somebody of ours speaks in it", lambda case: case.placed.author is not Author.CUSTOMER),
    ("its sender is one of us", lambda case: any(_is_ours(case, form) for form in _forms(case.address))),
    ("its sender is a machine's address", lambda case: _is_machine(case.address, case.inbound.envelope.mail_from)),
)
"""Why nobody is told anything, whatever the message calls for; the first that holds."""


def why_never(case: Case) -> str:
    """Give why its sender is told nothing; empty when a notice may go."""
    rules = NEVER if case.inbound.channel == MAIL else IN_CONVERSATIONS
    return next((why for why, holds in rules if holds(case)), "")


def notice_rows(placed: Iterable[Placed], policies: Policies, now: datetime) -> list[NoticeRow]:
    """Give the notices that new messages call for: one a message at most, the most telling one."""
    found = []
    for one in placed:
        case = Case(placed=one, policies=policies, now=now)
        reason = called_for(case)
        if reason is not None and not why_never(case):
            found.append(_row(case, reason))
    return found


def late_refusal(row: AmendableRow, message: Incoming, policies: Policies, now: datetime) -> NoticeRow | None:
    """Give the notice about a file that turned out too big only when it was fetched, if its sender may be told."""
    refused = any(file.state is FileState.REFUSED for file in message.message.files)
    if not refused or not policies.of(message.message.account).notices.refused_file:
        return None
    outcome = {"ticketed": Outcome.JOINED, "held": Outcome.HELD}.get(row.state, Outcome.NOTED)
    decision = Decision(rule=PlacedBy(row.rule), outcome=outcome, explanation="")
    author, visibility = Author(row.author), Visibility(row.visibility)
    placed = Placed(message=message, decision=decision, ticket=None, author=author, visibility=visibility)
    case = Case(placed=placed, policies=policies, now=now)
    if why_never(case) or row.state not in ("ticketed", "held"):
        return None
    return _row(case, NoticeReason.REFUSED_FILE)._replace(ticket_id=row.ticket_id)


def called_for(case: Case) -> NoticeReason | None:
    """Give what its sender should be told, if anything."""
    decision, wanted = case.placed.decision, case.policy.notices
    if wanted.held and decision.hold is HoldReason.REPLIES_ONLY and case.policy.takes is Takes.REPLIES:
        return NoticeReason.HELD
    if wanted.refused_file and _lost_a_file(case):
        return NoticeReason.REFUSED_FILE
    if wanted.receipt and decision.outcome is Outcome.OPENED:
        return NoticeReason.RECEIPT
    return None


def _lost_a_file(case: Case) -> bool:
    decision = case.placed.decision
    is_read = decision.outcome in (Outcome.JOINED, Outcome.OPENED) or decision.hold in READ_WHEN_HELD
    return is_read and any(file.state is FileState.REFUSED for file in case.inbound.files)


def _row(case: Case, reason: NoticeReason) -> NoticeRow:
    placed, inbound = case.placed, case.inbound
    return NoticeRow(
        message_id=placed.message.id,
        ticket_id=placed.ticket.id if placed.ticket else None,
        account=inbound.account,
        channel=inbound.channel,
        reason=reason,
        address=inbound.sender.address.strip(),
        address_key=placed.message.sender,
        created_at=case.now,
    )


def _is_usable(address: str) -> bool:
    return len(address.encode("utf-8", "replace")) <= LONGEST and _ADDRESS.fullmatch(address) is not None


def _forms(address: str) -> tuple[str, str]:
    """Give an address as it is, and without what follows a plus (RFC 5233)."""
    local, _, domain = address.rpartition("@")
    return address, f"{local.partition('+')[0]}@{domain}"


def _is_ours(case: Case, address: str) -> bool:
    known = case.policies.is_staff(address) or case.policies.is_old_desk(address)
    return known or address in {to.strip().lower() for to in case.inbound.envelope.rcpt_to}


def _is_machine(*addresses: str) -> bool:
    return any(_MACHINE.search(address.rpartition("@")[0]) for address in addresses)
