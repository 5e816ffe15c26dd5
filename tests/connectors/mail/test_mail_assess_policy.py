"""SPF, DKIM and the DMARC policy together: pass, fail or none."""

import time
from collections.abc import AsyncIterator

import pytest
from dns_records import Zone
from signed_mails import delivery, mail, message, publish, signed

from connectors.mail.assess import MailAssess
from connectors.mail.assess_settings import AssessSettings
from schemas.message import Result, Verdict

SHOP, BOUNCE = "shop.example", "bounce@shop.example"


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
async def assess(zone: Zone) -> AsyncIterator[MailAssess]:
    made = MailAssess(settings=AssessSettings(), clock=time.monotonic, resolver=zone)
    yield made
    made.close()


async def test_spf_aligned_with_the_author_passes(assess: MailAssess, zone: Zone) -> None:
    zone.add("mail.shop.example", "TXT", "v=spf1 ip4:203.0.113.25 -all")
    verdict = await assess(delivery(mail(), mail_from="b@mail.shop.example"), message())
    assert verdict == Verdict(result=Result.PASS, method="spf", domain="mail.shop.example")


async def test_without_mail_from_the_greeting_is_checked(assess: MailAssess, zone: Zone) -> None:
    zone.add("mx.shop.example", "TXT", "v=spf1 ip4:203.0.113.25 -all")
    assert (await assess(delivery(mail(), mail_from="", helo="mx.shop.example"), message())).result is Result.PASS


async def test_spf_of_another_domain_proves_nothing_and_is_not_asked_for(assess: MailAssess, zone: Zone) -> None:
    zone.add("evil.example", "TXT", "v=spf1 +all")
    assert (await assess(delivery(mail(), mail_from="x@evil.example"), message())).result is Result.NONE
    assert "evil.example" not in zone.names


@pytest.mark.parametrize(
    ("policy", "result"),
    [
        ("v=DMARC1; p=reject", Result.FAIL),
        ("v=DMARC1;p=QUARANTINE;rua=mailto:x@y.example", Result.FAIL),
        ("v=DMARC1; p=none; sp=reject", Result.NONE),
        ("v=DMARC1; p=reject; pct=0", Result.NONE),
        ("v=DMARC1; p=reject; t=y", Result.FAIL),
        ("v=DMARC1; p=quarantine; t=y", Result.NONE),
        ("v=DMARC1; p=nonsense; rua=mailto:x@y.example", Result.NONE),
        ("v=DMARC1; nonsense", Result.NONE),
        ("v=DMARC2; p=reject", Result.NONE),
    ],
)
async def test_without_proof_the_owners_policy_decides(
    assess: MailAssess, zone: Zone, policy: str, result: Result
) -> None:
    zone.add("_dmarc.shop.example", "TXT", "unrelated", policy)
    assert (await assess(delivery(mail()), message())).result is result


async def test_two_policies_are_none(assess: MailAssess, zone: Zone) -> None:
    zone.add("_dmarc.shop.example", "TXT", "v=DMARC1; p=reject", "v=DMARC1; p=reject; pct=100")
    assert (await assess(delivery(mail()), message())).result is Result.NONE


@pytest.mark.parametrize(("tags", "result"), [("", Result.FAIL), ("; sp=none", Result.NONE)])
async def test_a_subdomain_has_its_organizations_policy(
    assess: MailAssess, zone: Zone, tags: str, result: Result
) -> None:
    zone.add("_dmarc.shop.co.uk", "TXT", "v=DMARC1; p=reject" + tags)
    raw = mail("ann@a.b.shop.co.uk")
    assert (await assess(delivery(raw), message("ann@a.b.shop.co.uk"))).result is result


@pytest.mark.parametrize(
    ("policy", "signer", "result"),
    [
        ("", "news.shop.example", Result.PASS),
        ("v=DMARC1; p=reject", "news.shop.example", Result.PASS),
        ("v=DMARC1; p=reject; adkim=s", "news.shop.example", Result.FAIL),
        ("v=DMARC1; p=reject; adkim=s", "shop.example", Result.PASS),
        ("v=DMARC1; p=none; adkim=s", "news.shop.example", Result.NONE),
    ],
)
async def test_alignment_is_relaxed_unless_the_policy_is_strict(
    assess: MailAssess, zone: Zone, policy: str, signer: str, result: Result
) -> None:
    if policy:
        zone.add("_dmarc.shop.example", "TXT", policy)
    publish(zone, signer)
    assert (await assess(delivery(signed(mail(), domain=signer)), message())).result is result


async def test_strict_spf_needs_the_very_same_domain(assess: MailAssess, zone: Zone) -> None:
    zone.add("_dmarc.shop.example", "TXT", "v=DMARC1; p=reject; aspf=s")
    zone.add("mail.shop.example", "TXT", "v=spf1 +all")
    assert (await assess(delivery(mail(), mail_from="b@mail.shop.example"), message())).result is Result.FAIL


@pytest.mark.parametrize(
    ("author", "signer"),
    [
        ("ann@one.co.uk", "two.co.uk"),
        ("ann@one.co.uk", "co.uk"),
        ("ann@one.github.io", "two.github.io"),
        ("ann@shop.example", "example"),
    ],
)
async def test_neighbours_under_a_public_suffix_are_not_aligned(
    assess: MailAssess, zone: Zone, author: str, signer: str
) -> None:
    publish(zone, signer)
    raw = signed(mail(author), domain=signer)
    assert (await assess(delivery(raw), message(author))).result is Result.NONE


@pytest.mark.parametrize(
    ("policy", "result"), [("", Result.FAIL), ("v=DMARC1; p=none", Result.NONE), ("v=DMARC1; p=reject", Result.FAIL)]
)
async def test_a_forbidding_spf_record_counts_where_no_policy_says_otherwise(
    assess: MailAssess, zone: Zone, policy: str, result: Result
) -> None:
    zone.add(SHOP, "TXT", "v=spf1 -all")
    if policy:
        zone.add("_dmarc.shop.example", "TXT", policy)
    assert (await assess(delivery(mail(), mail_from=BOUNCE), message())).result is result


async def test_a_forwarded_mail_passes_by_its_signature_though_spf_forbids_the_peer(
    assess: MailAssess, zone: Zone
) -> None:
    zone.add(SHOP, "TXT", "v=spf1 -all")
    publish(zone)
    assert (await assess(delivery(signed(mail()), mail_from=BOUNCE), message())).result is Result.PASS
