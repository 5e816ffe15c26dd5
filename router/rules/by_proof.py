"""A verified proof of identity: this conversation's person is the requester of that ticket, on whatever channel.

The only way in which two addresses of different channels become one person: never by equal e-mail addresses or names.
It goes before an explicit reply, because a message that is a proof says nothing else. A proof that is wrong, used,
expired or made for elsewhere changes nothing, and the decision says why. Whoever guesses is not heard for a while. One
that others saw links nobody, and is spent.
"""

from datetime import timedelta
from typing import Final

from router.findings import Findings
from router.gates import Case, reopens
from router.incoming import Incoming
from router.placement import Placement, joined, noted
from router.proving import MARK
from router.view import Ticket, View
from schemas.identity_rows import ProofRow
from schemas.message import InboundMessage, Kind
from schemas.placement import SPAM, Evidence, Gate, Rejected, Rule, Source

GUESSES: Final = 5
"""Wrong proofs of one conversation after which none is looked at ..."""
GUESSES_WITHIN: Final = timedelta(hours=1)
"""... until so long after the first of them."""

OPENINGS: Final = frozenset({"allowed", "subscribed", "unblocked"})
"""Memberships by which somebody lets us write to them."""

SAYS_NOTHING: Final = frozenset({"", "/start", MARK, f"/start {MARK}"})
"""Texts of a message that is nothing but a proof."""


def by_proof(case: Case, findings: Findings) -> Placement | None:
    """Put the message on the ticket whose requester its sender is proven to be."""
    message = case.message
    if message.proof is None or message.message.kind is not Kind.MESSAGE:
        return None
    evidence = Evidence(source=Source.PROOF)
    found = judge(case)
    if isinstance(found, str):
        findings.untrue.append(Rejected(gate=Gate.TOKEN, evidence=evidence, reason=found))
        says_more = message.message.files or message.message.text.content.strip() not in SAYS_NOTHING
        return None if says_more else noted(why=f"It brings a proof that proves nothing: {found}.", rule=Rule.PROOF)
    row, ticket = found
    placement = joined(
        findings,
        rule=Rule.PROOF,
        ticket=ticket,
        evidence=evidence,
        reopened=reopens(case, ticket),
        why=f"Its sender proved to be the requester of ticket {ticket.number}: {row.made_by} had invited them.",
    )
    return placement.proving(row, ticket)


def by_opening(case: Case, _findings: Findings) -> Placement | None:
    """Link by a proof that comes without words: somebody looked into a chat by a link, or allowed us to write."""
    inbound, proof = case.message.message, case.message.proof
    if proof is None or not proof.is_form or not _opens(inbound):
        return None
    found = judge(case)
    if isinstance(found, str):
        return noted(why=f"It brings a proof that proves nothing: {found}.", rule=Rule.PROOF)
    row, ticket = found
    why = f"Its sender proved to be the requester of ticket {ticket.number}: {row.made_by} had invited them."
    return noted(why=why, rule=Rule.PROOF, evidence=(Evidence(source=Source.PROOF),)).proving(row, ticket)


def seen_by_others(message: Incoming, view: View) -> bool:
    """Whether more people than its sender see what is written there: a proof that they saw is worth nothing."""
    talk = view.talk(message)
    return message.is_group or (talk is not None and talk.person_key not in (None, message.sender))


def _opens(inbound: InboundMessage) -> bool:
    if inbound.kind is Kind.MEMBERSHIP:
        return inbound.details.get("membership") in OPENINGS
    return inbound.kind is Kind.EVENT


def judge(case: Case) -> tuple[ProofRow, Ticket] | str:
    """Give what a true proof was made for, or why it proves nothing, for people."""
    return _unheard(case) or _true(case)


def _unheard(case: Case) -> str:
    """Say why no proof of this sender is looked at, if so."""
    message, talk = case.message, case.view.talk(case.message)
    if message.anonymous or not case.policy.trusts(message.message.verdict.result):
        return "nothing proves who brought it"
    if talk is None or seen_by_others(message, case.view):
        return "a proof counts only in a chat of one person"
    since = talk.wrong_since
    if since is None or talk.wrong_proofs < GUESSES or message.message.received_at - since >= GUESSES_WITHIN:
        return ""
    return "too many wrong ones came from this conversation"


def _true(case: Case) -> tuple[ProofRow, Ticket] | str:
    inbound, view = case.message.message, case.view
    digests = case.message.proof.digests if case.message.proof is not None else ()
    row = next((view.proofs[digest] for digest in digests if digest in view.proofs), None)
    if row is None or row.scope != inbound.scope:
        return "nobody here gave it out"
    ticket = view.standing(row.ticket_id)
    if row.channel != inbound.channel:
        return f"it was made for {row.channel}"
    if row.used_at is not None:
        return "it was used before"
    if inbound.received_at >= row.expires_at:
        return "it has expired"
    if ticket is None or ticket.status == SPAM:
        return "its ticket takes no messages"
    return row, ticket
