"""Who stands in From, and mails in which that is in doubt."""

import asyncio
import time
from collections.abc import AsyncIterator
from functools import cache

import pytest
from dns_records import Zone
from hypothesis import example, given, settings
from hypothesis import strategies as st
from signed_mails import delivery, mail, message, publish, rsa, signed

from connectors.mail.assess import MailAssess
from connectors.mail.assess_from import read_author, strict_mailbox
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


@pytest.mark.parametrize(
    ("author", "sender"),
    [
        ("ann@shop.example, eve@evil.example", "ann@shop.example"),
        ("eve@evil.example, ann@shop.example", "eve@evil.example"),
        ("people: ann@shop.example;", "ann@shop.example"),
        ("ann@shop.example <eve@evil.example>", "ann@shop.example"),
        ('"x" <ann@shop.example> <eve@evil.example>', "ann@shop.example"),
        ("=?utf-8?q?ann=40shop=2Eexample?=", "ann@shop.example"),
        ("ann@shop.example\x00", "ann@shop.example"),
    ],
)
async def test_an_author_in_doubt_never_passes_and_fails_by_policy(
    assess: MailAssess, zone: Zone, author: str, sender: str
) -> None:
    zone.add("evil.example", "TXT", "v=spf1 +all")
    zone.add(SHOP, "TXT", "v=spf1 +all")
    for mail_from in ("x@evil.example", "x@shop.example"):
        verdict = await assess(delivery(mail(author), mail_from=mail_from), message(sender))
        assert verdict.result is Result.NONE
    zone.add("_dmarc.shop.example", "TXT", "v=DMARC1; p=reject")
    fresh = MailAssess(settings=AssessSettings(), clock=time.monotonic, resolver=zone)
    verdict = await fresh(delivery(mail(author), mail_from="x@evil.example"), message(sender))
    fresh.close()
    assert verdict == Verdict(result=Result.FAIL, method="dmarc", domain=SHOP)


@pytest.mark.parametrize("place", ["before", "after"])
async def test_two_from_fields_fail_whoever_signed_one_of_them(assess: MailAssess, zone: Zone, place: str) -> None:
    publish(zone)
    raw, forged = signed(mail()), b"From: boss@shop.example\r\n"
    raw = forged + raw if place == "before" else raw.replace(b"To: ", forged + b"To: ", 1)
    verdict = await assess(delivery(raw), message())
    assert verdict == Verdict(result=Result.FAIL, method="from")
    assert zone.asked == []


async def test_who_stands_in_sender_alone_has_no_proof_but_a_policy(assess: MailAssess, zone: Zone) -> None:
    raw = b"Sender: ann@shop.example\r\n\r\nx\r\n"
    assert (await assess(delivery(raw), message())).result is Result.NONE
    assert (await assess(delivery(raw), message(""))).result is Result.NONE
    zone.add("_dmarc.firm.example", "TXT", "v=DMARC1; p=reject")
    raw = raw.replace(b"shop", b"firm")
    assert (await assess(delivery(raw), message("ann@firm.example"))).result is Result.FAIL


@pytest.mark.parametrize(
    ("value", "spec"),
    [
        (b"ann@shop.example", "ann@shop.example"),
        (b"Ann Lee <ann@shop.example>", "ann@shop.example"),
        (b'"Lee, Ann \\" <x@y>" <ann@shop.example> (work)', "ann@shop.example"),
        (b"ann@shop.example <Ann@Shop.example>", "Ann@Shop.example"),
        (b"J\xc3\xb6rg <j@shop.example>", "j@shop.example"),
        (b"Lee, Ann <ann@shop.example>", ""),
        (b"<ann@shop.example> <eve@evil.example>", ""),
        (b"eve@evil.example <ann@shop.example>", ""),
        (b"<@evil.example:ann@shop.example>", ""),
        (b"ann@evil.example@shop.example", ""),
        (b"Group: ann@shop.example;", ""),
        (b"ann@shop.example\n", ""),
        (b"", ""),
    ],
)
def test_only_one_plain_mailbox_is_beyond_doubt(value: bytes, spec: str) -> None:
    assert strict_mailbox(value) == spec


def test_a_from_made_to_cost_time_costs_none() -> None:
    began = time.monotonic()
    for value in (b'"' * 4095, b"(" * 4095, b'"a"' * 1300, b"a@" * 2000, b"\\" * 4000, b"a" * 4000 + b"<"):
        assert strict_mailbox(value) == ""
    assert time.monotonic() - began < 10


@given(st.lists(st.binary(max_size=60) | st.text(max_size=30).map(str.encode), max_size=4), st.text(max_size=40))
def test_no_author_raises(values: list[bytes], sender: str) -> None:
    author = read_author(values, sender)
    assert not author.sole or len(author.domains) == 1


PIECES = st.sampled_from(
    [
        *(b"From: ann@shop.example\r\n", b"DKIM-Signature: v=1; a=rsa-sha256; ", b"d=shop.example; s=s1; h=from; bh="),
        *(
            b"b=",
            b"\r\n",
            b"\n",
            b" ",
            b"\x00",
            b"\xff",
            b"From:",
            b"Authentication-Results: mx; spf=pass",
            b";",
            b"=",
            b"\r",
        ),
    ]
)


@cache
def shared_assess() -> MailAssess:
    """One for all examples: each of its own would read the public suffix list again."""
    zone = Zone({("shop.example", "TXT"): ("v=spf1 -all",), ("s1._domainkey.shop.example", "TXT"): (rsa().record,)})
    return MailAssess(settings=AssessSettings(trusted_authserv_ids=("mx",)), clock=time.monotonic, resolver=zone)


@example([b"DKIM-Signature: v=1; a=rsa-sha256; ", b"d=shop.example; s=s1; h=from; bh=", b"\r\n", b"\r\n"])
@settings(max_examples=2 * settings().max_examples, deadline=None)
@given(st.lists(PIECES | st.binary(max_size=20), max_size=12))
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    async def ask() -> None:
        raw = b"".join(pieces)
        for intake in ("smtp", "imap"):
            verdict = await shared_assess()(delivery(raw, mail_from=BOUNCE, intake=intake), message())
            assert intake == "imap" or verdict.result is not Result.PASS

    asyncio.run(ask())
