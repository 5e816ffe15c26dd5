"""What SPF records say of a peer, within their limits."""

import time
from collections.abc import AsyncIterator

import pytest
from dns_records import Zone
from hypothesis import given, settings
from hypothesis import strategies as st
from signed_mails import PEER

from connectors.mail.assess import MailAssess
from connectors.mail.assess_dns import Lookups
from connectors.mail.assess_settings import AssessSettings
from connectors.mail.assess_spf import check_spf

SHOP, BOUNCE = "shop.example", "bounce@shop.example"


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
async def assess(zone: Zone) -> AsyncIterator[MailAssess]:
    made = MailAssess(settings=AssessSettings(), clock=time.monotonic, resolver=zone)
    yield made
    made.close()


def lookups(zone: Zone, seconds: float = 2.0) -> Lookups:
    return Lookups(resolver=zone, clock=time.monotonic, deadline=time.monotonic() + seconds)


def spf(zone: Zone, peer: str = PEER) -> str:
    return check_spf(peer=peer, helo="mx.shop.example", local="bounce", domain=SHOP, lookups=lookups(zone))


@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 ip4:203.0.113.0/24 -all", "pass"),
        ("v=spf1 ip4:198.51.100.7 -all", "fail"),
        ("v=spf1 ~all", "softfail"),
        ("v=spf1 ?all", "neutral"),
        ("v=spf1 include:_spf.relay.example -all", "pass"),
        ("v=spf1 redirect=_spf.relay.example", "pass"),
        ("v=spf1 a:mx.relay.example -all", "pass"),
        ("v=spf1 mx:relay.example -all", "pass"),
        ("v=spf1 ptr:relay.example -all", "pass"),
        ("v=spf1 exists:%{ir}.%{l1r-}.list.example -all", "pass"),
        ("v=spf1 include:nowhere.example -all", "permerror"),
        ("v=spf1 nonsense", "permerror"),
        ("v=spf1 ip4:999.1.1.1", "permerror"),
        ("spf2.0/pra all", "none"),
    ],
)
def test_spf_says_what_the_record_says(zone: Zone, record: str, result: str) -> None:
    zone.add(SHOP, "TXT", "some other text", record)
    zone.add("_spf.relay.example", "TXT", "v=spf1 ip4:203.0.113.25 -all")
    zone.add("mx.relay.example", "A", PEER)
    zone.add("relay.example", "MX", "10 mx.relay.example.")
    zone.add("25.113.0.203.in-addr.arpa", "PTR", "mx.relay.example.")
    zone.add("25.113.0.203.bounce.list.example", "A", "127.0.0.2")
    assert spf(zone) == result


def test_spf_of_an_ipv6_peer(zone: Zone) -> None:
    zone.add(SHOP, "TXT", "v=spf1 a -all")
    zone.add(SHOP, "AAAA", "2001:db8::25")
    assert spf(zone, "2001:db8::25") == "pass"
    assert spf(zone, "2001:db8::26") == "fail"


@pytest.mark.parametrize(("terms", "result"), [(10, "pass"), (11, "permerror")])
def test_spf_ends_after_ten_lookups(zone: Zone, terms: int, result: str) -> None:
    names = [f"i{number}.example" for number in range(terms)]
    zone.add(SHOP, "TXT", "v=spf1 " + " ".join(f"include:{name}" for name in names) + " -all")
    for name in names:
        zone.add(name, "TXT", "v=spf1 " + ("+all" if name == names[-1] else "?all"))
    assert spf(zone) == result


def test_spf_ends_after_two_answers_without_records(zone: Zone) -> None:
    zone.add(SHOP, "TXT", "v=spf1 a:a.example a:b.example a:c.example +all")
    assert spf(zone) == "permerror"


def test_spf_fetches_no_explanation_and_trouble_is_temporary(zone: Zone) -> None:
    zone.add(SHOP, "TXT", "v=spf1 -all exp=why.example")
    assert spf(zone) == "fail"
    assert "why.example" not in zone.names
    zone.broken.add(SHOP)
    assert spf(zone) == "temperror"


@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(st.text("v=spf1 +-~?amxinclude:/%{}l.0123456789\x00é", max_size=60))
def test_no_spf_record_raises(terms: str) -> None:
    zone = Zone({(SHOP, "TXT"): ("v=spf1 " + terms,)})
    assert spf(zone) in {"pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"}
