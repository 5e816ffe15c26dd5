"""Asks who really sent a mail: the step between normalize and publish. It never refuses and never waits for long.

    peer is a trusted relay, or mail by IMAP or from a file   the topmost Authentication-Results of a trusted name
    peer is of this machine or a private network              nothing is asked, the verdict is `none`
    any other peer                                            SPF, DKIM and DMARC, by DNS

Threads do the work; one mail has `timeout_seconds` for everything, and what is not known by then is `temperror`.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Protocol

from connectors.base import Delivery
from connectors.mail.assess_dkim import DkimCheck, DkimResult, Field, strict_fields
from connectors.mail.assess_dmarc import Policy, find_policy
from connectors.mail.assess_dns import CachingResolver, DnsResolver, DnsTroubleError, Lookups, Resolver
from connectors.mail.assess_domains import Organizations, clean_domain, domain_of
from connectors.mail.assess_from import Author, read_author
from connectors.mail.assess_relayed import relayed_verdict
from connectors.mail.assess_settings import AssessSettings
from connectors.mail.assess_spf import SpfResult, check_spf
from connectors.mail.assess_verdict import NOTHING_KNOWN, Findings, verdict_of, without_sole_author
from connectors.mail.authentication_results import topmost_of
from connectors.mail.fields import Head, find_body, head_start
from connectors.mail.parse import mend_line_ends
from connectors.mail.structure import MAX_HEADER_BYTES
from schemas.message import InboundMessage, Result, Verdict

WITHIN: Final = 0.95
"""Part of the time that the checks themselves may use; the rest is for putting their answers together."""
_DOORS: Final = frozenset({"smtp", "lmtp"})
_OURS: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.168.0.0/16", "::/128", "::1/128", "fc00::/7", "fe80::/10"),
    )
)
"""This machine and private networks (RFC 1918, 6598, 4193): what connects from there is no stranger's mail server."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AssessMeter(Protocol):
    """What the step counts. Satisfied in `daemon/metrics.py`."""

    def assessed(self, *, result: str, source: str) -> None:
        """Count a verdict; `source` is `dns` or `relay`. Mail that nothing was asked about is not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mail:
    """What the checks need of a delivery."""

    author: Author
    peer: str
    helo: str
    mail_from: str
    fields: Sequence[Field]
    body: memoryview
    received: float


class MailAssess:
    """Meets `connectors.intake.Assess`. One for a process; safe for many concurrent callers. `clock`: seconds."""

    def __init__(
        self,
        *,
        settings: AssessSettings,
        clock: Callable[[], float],
        resolver: Resolver | None = None,
        meter: AssessMeter | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._meter = meter
        self._relays = settings.networks()
        self._organizations = Organizations()
        self._threads = ThreadPoolExecutor(settings.checks_at_once, thread_name_prefix="assess")
        self._resolver = CachingResolver(
            inner=resolver or DnsResolver(servers=settings.dns_servers),
            clock=clock,
            entries=settings.dns_cache_entries,
            most_seconds=settings.dns_cache_seconds,
        )

    async def __call__(self, delivery: Delivery, message: InboundMessage) -> Verdict:
        """Give what is known of the sender. Raises nothing."""
        source = self._source(delivery)
        if source is None:
            return NOTHING_KNOWN
        verdict = self._by_relay(delivery, message) if source == "relay" else await self._by_dns(delivery, message)
        if self._meter is not None:
            self._meter.assessed(result=verdict.result.value, source=source)
        return verdict

    def close(self) -> None:
        """Ask nothing more. Questions that are out end at their deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _source(self, delivery: Delivery) -> str | None:
        settings = self._settings
        if not settings.enabled:
            return None
        if delivery.intake not in _DOORS:
            return "relay" if settings.trusted_authserv_ids else None
        peer = peer_address(delivery.peer)
        if peer is None:
            return None
        if any(peer in network for network in self._relays):
            return "relay"
        return None if any(peer in network for network in _OURS) else "dns"

    def _by_relay(self, delivery: Delivery, message: InboundMessage) -> Verdict:
        head = Head(_split(delivery.raw)[0])
        author = read_author(head.all("from"), message.sender.address)
        if author.fields > 1:
            return _TWO_AUTHORS
        found = topmost_of(head.all("authentication-results"), self._settings.trusted_authserv_ids)
        if found is None or not author.domains:
            return NOTHING_KNOWN
        verdicts = [relayed_verdict(found, domain, self._organizations) for domain in author.domains]
        return verdicts[0] if author.sole else without_sole_author(verdicts)

    async def _by_dns(self, delivery: Delivery, message: InboundMessage) -> Verdict:
        deadline = self._clock() + self._settings.timeout_seconds * WITHIN
        lookups = Lookups(resolver=self._resolver, clock=self._clock, deadline=deadline)
        mail = _read(delivery, message)
        if mail.author.fields > 1:
            return _TWO_AUTHORS
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                verdicts = [await self._of_domain(mail, domain, lookups) for domain in mail.author.domains]
        except TimeoutError:
            return Verdict(result=Result.TEMPERROR)
        return verdicts[0] if mail.author.sole else without_sole_author(verdicts)

    async def _of_domain(self, mail: _Mail, domain: str, lookups: Lookups) -> Verdict:
        loop = asyncio.get_running_loop()
        (policy, trouble), (spf, spf_domain), dkim = await asyncio.gather(
            loop.run_in_executor(self._threads, self._policy, domain, lookups),
            loop.run_in_executor(self._threads, self._spf, mail, domain, lookups),
            loop.run_in_executor(self._threads, self._dkim, mail, domain, lookups),
        )
        findings = Findings(
            domain=domain, policy=policy, policy_trouble=trouble, spf=spf, spf_domain=spf_domain, dkim=dkim
        )
        return verdict_of(findings, self._organizations)

    def _policy(self, domain: str, lookups: Lookups) -> tuple[Policy | None, bool]:
        try:
            return find_policy(domain, self._organizations.of(domain), lookups), False
        except DnsTroubleError:
            return None, True

    def _spf(self, mail: _Mail, domain: str, lookups: Lookups) -> tuple[SpfResult, str]:
        """Check MAIL FROM, or HELO where there is none (RFC 7208 2.4). Another's domain would prove nothing here."""
        local, _, _ = mail.mail_from.rpartition("@")
        checked = domain_of(mail.mail_from) if mail.mail_from else clean_domain(mail.helo)
        if not self._organizations.aligned(domain, checked):
            return "none", ""
        return check_spf(peer=mail.peer, helo=mail.helo, local=local, domain=checked, lookups=lookups), checked

    def _dkim(self, mail: _Mail, domain: str, lookups: Lookups) -> DkimResult:
        check = DkimCheck(
            fields=mail.fields,
            body=mail.body,
            now=mail.received,
            lookups=lookups,
            aligned=lambda signer: self._organizations.aligned(domain, signer),
        )
        try:
            return check.run()
        except DnsTroubleError:
            return DkimResult(trouble=True)


_TWO_AUTHORS: Final = Verdict(result=Result.FAIL, method="from")
"""Several From fields: no honest program writes them (RFC 5322 section 3.6), and each reader believes another one."""


def peer_address(text: str) -> Address | None:
    """Give a peer's address, an IPv4 one out of its IPv6 wrapping (RFC 4291 2.5.5.2); None when it is no address."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0].strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, ipaddress.IPv6Address) else address


def _read(delivery: Delivery, message: InboundMessage) -> _Mail:
    block, body = _split(delivery.raw)
    return _Mail(
        author=read_author(Head(block).all("from"), message.sender.address),
        peer=str(peer_address(delivery.peer)),
        helo=delivery.helo,
        mail_from=delivery.mail_from.strip("<>"),
        fields=strict_fields(block),
        body=body,
        received=delivery.received_at.timestamp(),
    )


def _split(raw: bytes) -> tuple[bytes, memoryview]:
    """Give header block and body, parted where the parser parts them: a block ends at its limit, if not before."""
    mended = mend_line_ends(raw)
    start = head_start(mended)
    body = find_body(mended, start, min(len(mended), start + MAX_HEADER_BYTES))
    return mended[start:body], memoryview(mended)[body:]
