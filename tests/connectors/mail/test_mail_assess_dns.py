"""DNS: trouble, time-outs, limits, the cache, a real server; and when nothing is asked at all."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from dns_records import Zone, serving
from signed_mails import BODY, PEER, delivery, mail, message, publish, rsa, signed

from connectors.mail.assess import MailAssess, peer_address
from connectors.mail.assess_dns import Answer, CachingResolver, DnsResolver, DnsTroubleError, Lookups, RecordKind
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


@pytest.mark.parametrize("name", ["_dmarc.shop.example", "s1._domainkey.shop.example", "shop.example"])
async def test_dns_trouble_is_temporary_and_never_a_pass(assess: MailAssess, zone: Zone, name: str) -> None:
    zone.broken.add(name)
    assert (await assess(delivery(signed(mail()), mail_from=BOUNCE), message())).result is Result.TEMPERROR


async def test_proof_of_the_very_same_domain_needs_no_policy(assess: MailAssess, zone: Zone) -> None:
    zone.broken.add("_dmarc.shop.example")
    publish(zone)
    publish(zone, "news.shop.example")
    assert (await assess(delivery(signed(mail())), message())).result is Result.PASS
    relaxed = signed(mail(), domain="news.shop.example")
    assert (await assess(delivery(relaxed), message())).result is Result.TEMPERROR


def test_a_mail_is_given_two_seconds() -> None:
    assert AssessSettings().timeout_seconds == 2.0


async def test_a_resolver_that_does_not_answer_is_given_its_time_and_no_more(zone: Zone) -> None:
    made = MailAssess(settings=AssessSettings(timeout_seconds=0.3), clock=time.monotonic, resolver=zone)
    zone.slow.update({"_dmarc.shop.example", SHOP, "s1._domainkey.shop.example"})
    began = time.monotonic()
    checks = [made(delivery(signed(mail()), mail_from=BOUNCE), message()) for _ in range(20)]
    verdicts = await asyncio.gather(*checks)
    assert {verdict.result for verdict in verdicts} == {Result.TEMPERROR}
    assert 0.2 < time.monotonic() - began < 5  # twenty in turn would be six
    made.close()


async def test_a_mail_with_slow_names_delays_no_other(zone: Zone) -> None:
    made = MailAssess(settings=AssessSettings(timeout_seconds=0.4), clock=time.monotonic, resolver=zone)
    zone.slow.add("_dmarc.slow.example")
    publish(zone)
    slow = asyncio.create_task(made(delivery(mail("a@slow.example")), message("a@slow.example")))
    await asyncio.sleep(0.05)
    assert (await made(delivery(signed(mail())), message())).result is Result.PASS
    assert not slow.done()
    assert (await slow).result is Result.TEMPERROR
    made.close()


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "::1", "10.1.2.3", "192.168.7.7", "fd00::1", "fe80::1%eth0", "::ffff:10.0.0.1", "", "socket"]
)
async def test_a_peer_of_this_machine_or_network_is_asked_nothing(assess: MailAssess, zone: Zone, peer: str) -> None:
    assert await assess(delivery(mail(), peer=peer), message()) == Verdict()
    assert zone.asked == []


@pytest.mark.parametrize("intake", ["imap", "import", "socket"])
async def test_mail_that_came_by_no_door_is_asked_nothing(assess: MailAssess, zone: Zone, intake: str) -> None:
    assert await assess(delivery(mail(), intake=intake), message()) == Verdict()
    assert zone.asked == []


async def test_switched_off_it_asks_nothing(zone: Zone) -> None:
    made = MailAssess(settings=AssessSettings(enabled=False), clock=time.monotonic, resolver=zone)
    assert await made(delivery(mail()), message()) == Verdict()
    assert zone.asked == []
    made.close()


def test_an_ipv4_peer_is_itself_in_ipv6_clothes() -> None:
    assert str(peer_address("::ffff:203.0.113.25")) == "203.0.113.25"


class Counting:
    def __init__(self, answer: Answer) -> None:
        self.answer, self.count = answer, 0

    def ask(self, name: str, kind: RecordKind, *, seconds: float) -> Answer:
        del name, kind, seconds
        self.count += 1
        return self.answer


@pytest.mark.parametrize(("ttl", "kept"), [(30.0, 30.0), (9e9, 60.0)])
def test_an_answer_is_kept_as_long_as_it_says_but_not_for_ever(ttl: float, kept: float) -> None:
    now, inner = [100.0], Counting(Answer((b"x",), ttl))
    cache = CachingResolver(inner=inner, clock=lambda: now[0], entries=2, most_seconds=60.0)
    cache.ask("A.example", "TXT", seconds=1)
    now[0] += kept - 0.5
    cache.ask("a.example", "TXT", seconds=1)
    assert inner.count == 1
    now[0] += 1
    cache.ask("a.example", "TXT", seconds=1)
    assert inner.count == 2


def test_the_cache_forgets_the_least_used() -> None:
    inner = Counting(Answer((), 60.0))
    cache = CachingResolver(inner=inner, clock=lambda: 0.0, entries=2, most_seconds=60.0)
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.ask(name, "A", seconds=1)
    assert inner.count == 4


def test_one_mail_may_not_ask_for_ever(zone: Zone) -> None:
    asking = Lookups(resolver=zone, clock=lambda: 0.0, deadline=1.0, most=2)
    asking.records("a.example", "A")
    asking.records("b.example", "A")
    assert asking.records("a..b", "A") == asking.records("é.example", "A") == asking.records("x" * 64, "A") == ()
    with pytest.raises(DnsTroubleError, match="too many"):
        asking.records("c.example", "A")


async def test_everything_with_a_real_dns_server(zone: Zone) -> None:
    zone.add("_dmarc.shop.example", "TXT", "v=DMARC1; p=reject")
    zone.add("shop.example", "MX", "10 mx.shop.example.")
    zone.add("shop.example", "TXT", "v=spf1 mx -all")
    zone.add("mx.shop.example", "A", PEER)
    publish(zone, signer=rsa(2048))
    async with serving(zone) as server:
        made = MailAssess(settings=AssessSettings(dns_servers=(server,)), clock=time.monotonic)
        sealed = signed(mail(), signer=rsa(2048))
        assert (await made(delivery(sealed), message())).method == "dkim"
        altered = sealed.replace(BODY, b"x\r\n")
        assert (await made(delivery(altered, mail_from=BOUNCE), message())).method == "spf"
        assert (await made(delivery(altered), message())).result is Result.FAIL
        assert (await made(delivery(mail("a@b.example")), message("a@b.example"))).result is Result.NONE
        asked = len(zone.asked)
        assert (await made(delivery(sealed, mail_from=BOUNCE), message())).result is Result.PASS
        assert len(zone.asked) == asked, "the cache answers"
        made.close()


async def test_a_real_server_in_trouble_is_trouble(zone: Zone) -> None:
    zone.broken.add("broken.example")
    zone.slow.add("slow.example")
    async with serving(zone) as server:
        resolver = DnsResolver(servers=(server,))
        for name in ("broken.example", "slow.example"):
            with pytest.raises(DnsTroubleError):
                await asyncio.to_thread(resolver.ask, name, "TXT", seconds=0.15)
        assert (await asyncio.to_thread(resolver.ask, "no.example", "TXT", seconds=1.0)).records == ()
    with pytest.raises(DnsTroubleError):
        resolver.ask("gone.example", "A", seconds=0.15)
