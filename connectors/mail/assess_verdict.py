"""From findings to a verdict: pure, and the one place that says what counts.

pass       SPF or DKIM proves a domain that is aligned with the author's (RFC 7489 section 3.1)
temperror  no proof, and a question that could have given one had no answer
fail       no proof, and the owner of the author's domain asks that such mail be put aside or refused; or it publishes
           no such policy, and its SPF record forbids this peer to send for it
none       anything else: most mail of small domains
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connectors.mail.assess_dkim import DkimResult
from connectors.mail.assess_dmarc import Policy
from connectors.mail.assess_domains import Organizations
from connectors.mail.assess_spf import SpfResult
from schemas.message import Result, Verdict

NOTHING_KNOWN: Final = Verdict()
NO_SIGNATURE: Final = DkimResult()
_WORST_FIRST: Final = (Result.FAIL, Result.TEMPERROR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found out about one author's domain. `policy_trouble`: whether there is a policy is not known."""

    domain: str
    policy: Policy | None
    policy_trouble: bool = False
    spf: SpfResult = "none"
    spf_domain: str = ""
    dkim: DkimResult = NO_SIGNATURE


def verdict_of(found: Findings, organizations: Organizations) -> Verdict:
    """Give the verdict on a mail whose only author is of this domain."""
    return (
        _proof(found, organizations)
        or _trouble(found)
        or _refusal(found)
        or Verdict(domain=found.policy.domain if found.policy else "", method="dmarc" if found.policy else "")
    )


def without_sole_author(verdicts: Sequence[Verdict]) -> Verdict:
    """Give the verdict on a mail whose author is in doubt: never pass, and the worst that any of its domains says."""
    for result in _WORST_FIRST:
        for verdict in verdicts:
            if verdict.result is result:
                return verdict
    return NOTHING_KNOWN


def _proof(found: Findings, organizations: Organizations) -> Verdict | None:
    strict_dkim, strict_spf = _modes(found)
    for domain in found.dkim.domains:
        if organizations.aligned(found.domain, domain, strict=strict_dkim):
            return Verdict(result=Result.PASS, method="dkim", domain=domain)
    if found.spf == "pass" and organizations.aligned(found.domain, found.spf_domain, strict=strict_spf):
        return Verdict(result=Result.PASS, method="spf", domain=found.spf_domain)
    return None


def _modes(found: Findings) -> tuple[bool, bool]:
    """Say whether DKIM and SPF need the very same domain; they do as long as the policy is not known."""
    if found.policy is None:
        return found.policy_trouble, found.policy_trouble
    return found.policy.strict_dkim, found.policy.strict_spf


def _trouble(found: Findings) -> Verdict | None:
    if found.policy_trouble:
        return Verdict(result=Result.TEMPERROR, method="dmarc", domain=found.domain)
    if found.dkim.trouble:
        return Verdict(result=Result.TEMPERROR, method="dkim", domain=found.domain)
    if found.spf == "temperror":
        return Verdict(result=Result.TEMPERROR, method="spf", domain=found.spf_domain)
    return None


def _refusal(found: Findings) -> Verdict | None:
    if found.policy is not None:
        enforced = Verdict(result=Result.FAIL, method="dmarc", domain=found.policy.domain)
        return enforced if found.policy.enforced else None
    if found.spf == "fail":
        return Verdict(result=Result.FAIL, method="spf", domain=found.spf_domain)
    return None
