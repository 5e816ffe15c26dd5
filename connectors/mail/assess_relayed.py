"""What a trusted relay found out, as a verdict: its Authentication-Results (RFC 8601), read with our rules."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from connectors.mail.assess_domains import Organizations, clean_domain, domain_of
from connectors.mail.assess_verdict import NOTHING_KNOWN
from connectors.mail.authentication_results import AuthenticationResults, MethodResult
from schemas.message import Result, Verdict

_TROUBLE: Final = "temperror"
_WRITTEN_POLICY: Final = re.compile(r"(?<![a-z])s?p=([a-z]{1,20})")
"""`(p=NONE sp=NONE dis=NONE)`: OpenDMARC, Google and others say in a comment what the domain's owner asked for."""


def relayed_verdict(found: AuthenticationResults, domain: str, organizations: Organizations) -> Verdict:
    """Give the verdict on a mail whose only author is of this domain, as far as the relay looked into it."""
    dmarc = [one for one in found.results if one.method == "dmarc" and _from_of(one) == domain]
    proofs: list[tuple[MethodResult, str]] = [(one, domain) for one in dmarc]
    proofs += _aligned(found.results, "dkim", signer_of, domain, organizations)
    proofs += _aligned(found.results, "spf", mail_from_of, domain, organizations)
    for results, wanted in ((Result.PASS, "pass"), (Result.TEMPERROR, _TROUBLE)):
        for one, proved in proofs:
            if one.result == wanted and (wanted != "pass" or not _contradicted(one, dmarc)):
                return Verdict(result=results, method=one.method, domain=proved)
    return _refusal(dmarc, proofs, domain)


def _contradicted(one: MethodResult, dmarc: list[MethodResult]) -> bool:
    """Say whether the relay's own DMARC check knew the domain's alignment modes and did not accept this proof."""
    return one.method != "dmarc" and any(check.result == "fail" for check in dmarc)


def _refusal(dmarc: list[MethodResult], proofs: list[tuple[MethodResult, str]], domain: str) -> Verdict:
    for one in dmarc:
        if one.result == "fail" and _enforced(one):
            return Verdict(result=Result.FAIL, method="dmarc", domain=domain)
    if any(one.result in {"fail", "bestguesspass"} for one in dmarc):
        return NOTHING_KNOWN
    for one, refused in proofs:
        if one.method == "spf" and one.result in {"fail", "hardfail"}:
            return Verdict(result=Result.FAIL, method="spf", domain=refused)
    return NOTHING_KNOWN


def _enforced(one: MethodResult) -> bool:
    """Say whether mail that fails is to be put aside; when the relay does not say what was asked for, it is."""
    asked = {one.properties[key].lower() for key in ("policy.dmarc", "policy.p", "action") if key in one.properties}
    asked.update(_WRITTEN_POLICY.findall(one.comment.lower()))
    return not asked or asked != {"none"}


def _aligned(
    results: Iterable[MethodResult],
    method: str,
    domain_in: Callable[[MethodResult], str],
    author: str,
    organizations: Organizations,
) -> list[tuple[MethodResult, str]]:
    named = [(one, domain_in(one)) for one in results if one.method == method]
    return [(one, domain) for one, domain in named if organizations.aligned(author, domain)]


def _from_of(one: MethodResult) -> str:
    value = one.properties.get("header.from", "")
    return domain_of(value) if "@" in value else clean_domain(value)


def signer_of(one: MethodResult) -> str:
    """Give the domain that signed: `header.d`, else that of `header.i` (RFC 8601 section 2.7.1)."""
    return clean_domain(one.properties.get("header.d", "")) or domain_of(one.properties.get("header.i", ""))


def mail_from_of(one: MethodResult) -> str:
    """Give the domain of MAIL FROM, which may stand alone; HELO only where there was no sender (RFC 7208 2.4)."""
    value = one.properties.get("smtp.mailfrom", "").strip("<>")
    if value:
        return domain_of(value) if "@" in value else clean_domain(value)
    return clean_domain(one.properties.get("smtp.helo", ""))
