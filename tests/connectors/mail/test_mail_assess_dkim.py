"""Which DKIM signatures prove the author's domain, and which never do."""

import asyncio
import base64
import re
import time
from collections.abc import AsyncIterator
from typing import Final

import dkim
import pytest
from dkim.canonicalization import CanonicalizationPolicy
from dns_records import Zone, key_record
from hypothesis import example, given
from hypothesis import strategies as st
from signed_mails import BODY, NOW, Signer, delivery, ed25519, mail, message, publish, rsa, signed

from connectors.mail.assess import MailAssess
from connectors.mail.assess_dkim import strict_fields
from connectors.mail.assess_dkim_body import Canonical, body_digest, canonical_pieces
from connectors.mail.assess_settings import AssessSettings
from schemas.message import Result, Verdict

PASS = Verdict(result=Result.PASS, method="dkim", domain="shop.example")


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
async def assess(zone: Zone) -> AsyncIterator[MailAssess]:
    made = MailAssess(settings=AssessSettings(), clock=time.monotonic, resolver=zone)
    yield made
    made.close()


@pytest.mark.parametrize("canonical", [(b"simple", b"simple"), (b"relaxed", b"relaxed"), (b"relaxed", b"simple")])
@pytest.mark.parametrize("signer", [rsa(), rsa(2048), ed25519()], ids=["rsa1024", "rsa2048", "ed25519"])
async def test_a_signature_of_the_authors_domain_passes(
    assess: MailAssess, zone: Zone, signer: Signer, canonical: tuple[bytes, bytes]
) -> None:
    publish(zone, signer=signer)
    raw = signed(mail(), signer=signer, canonical=canonical)
    assert await assess(delivery(raw), message()) == PASS


@pytest.mark.parametrize("body", [b"", b"\r\n\r\n", b"a  b \t\r\n \r\n\r\n", b"x" * 700_000 + b"\r\n", b"a\nb\n"])
@pytest.mark.parametrize("canonical", [b"simple", b"relaxed"])
async def test_any_body_verifies_as_it_was_signed(
    assess: MailAssess, zone: Zone, body: bytes, canonical: bytes
) -> None:
    publish(zone)
    raw = signed(mail(body=body), canonical=(b"relaxed", canonical))
    assert await assess(delivery(raw), message()) == PASS


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"How are", b"Now are"), (b"Subject: Hello", b"Subject: hello"), (b"Ann <ann@", b"Bob <bob@"), (b"bh=", b"bh=A")],
    ids=["body", "subject", "author", "hash"],
)
async def test_an_altered_mail_proves_nothing(assess: MailAssess, zone: Zone, before: bytes, after: bytes) -> None:
    publish(zone)
    raw = signed(mail()).replace(before, after, 1)
    sender = "bob@shop.example" if b"Bob" in raw else "ann@shop.example"
    assert (await assess(delivery(raw), message(sender))).result is Result.NONE


async def test_a_forged_author_with_a_valid_signature_of_another_domain_never_passes(
    assess: MailAssess, zone: Zone
) -> None:
    publish(zone, "evil.example")
    raw = signed(mail(), domain="evil.example")
    assert (await assess(delivery(raw), message())).result is Result.NONE
    assert "s1._domainkey.evil.example" not in zone.names


async def test_of_several_signatures_one_that_holds_is_enough(assess: MailAssess, zone: Zone) -> None:
    publish(zone)
    publish(zone, "list.example")
    broken = signed(mail(), selector="gone")
    raw = signed(broken[: broken.index(b"From:")] + signed(mail()), domain="list.example")
    assert await assess(delivery(raw), message()) == PASS


async def test_at_most_five_signatures_are_asked_about(assess: MailAssess, zone: Zone) -> None:
    raw = mail()
    for number in range(9):
        raw = signed(raw, selector=f"n{number}")
    assert (await assess(delivery(raw), message())).result is Result.NONE
    assert sum("_domainkey" in name for name in zone.names) == 5


async def test_a_signature_of_the_whole_body_may_say_its_length(assess: MailAssess, zone: Zone) -> None:
    publish(zone)
    raw = signed(mail(), length=True)
    assert await assess(delivery(raw), message()) == PASS


async def test_a_body_that_goes_on_behind_the_signed_length_proves_nothing(assess: MailAssess, zone: Zone) -> None:
    publish(zone)
    raw = signed(mail(), length=True) + b"Please pay here\r\n"
    assert dkim.verify(raw, dnsfunc=lambda *_, **__: rsa().record.encode()), "the library itself accepts it"
    assert (await assess(delivery(raw), message())).result is Result.NONE


async def test_a_signature_that_leaves_the_author_out_proves_nothing(assess: MailAssess, zone: Zone) -> None:
    publish(zone)
    signer = dkim.DKIM(mail())
    raw = bytes(signer.sign(b"s1", b"shop.example", rsa().private, include_headers=[b"from", b"to"])) + mail()
    assert await assess(delivery(raw), message()) == PASS
    without = re.sub(rb"h=from : to", b"h=to", raw)
    assert (await assess(delivery(without), message())).result is Result.NONE


DECADES: Final = 30 * 365 * 24 * 3600
"""Seconds: the library asks the machine's clock, too, and that goes on."""


@pytest.mark.parametrize(("offset", "result"), [(DECADES, Result.PASS), (-3600, Result.NONE)])
async def test_an_expired_signature_proves_nothing(
    assess: MailAssess, zone: Zone, monkeypatch: pytest.MonkeyPatch, offset: int, result: Result
) -> None:
    publish(zone)
    raw = _signed_with(b"x=%d" % (NOW.timestamp() + offset), monkeypatch)
    assert (await assess(delivery(raw), message())).result is result


def _signed_with(tag: bytes, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Sign with a tag that dkimpy cannot be asked for: it comes in beside the query method."""
    real = dkim.DKIM.gen_header

    def gen_header(self: object, fields: list[tuple[bytes, bytes]], *rest: object, **named: object) -> object:
        key, _, value = tag.partition(b"=")
        fields[:] = [field for field in fields if field[0] != b"t"]
        fields.insert(-1, (key, value))
        return real(self, fields, *rest, **named)

    with monkeypatch.context() as patch:
        patch.setattr(dkim.DKIM, "gen_header", gen_header)
        return signed(mail())


@pytest.mark.parametrize(
    "record",
    [
        rsa(more="t=y; ").record,
        rsa(768).record,
        rsa().record.replace("k=rsa", "k=ed25519"),
        rsa().record.replace("k=rsa", "k=rsa; h=sha1"),
        rsa().record.replace("k=rsa", "k=rsa; s=other"),
        "v=DKIM1; p=",
        "v=DKIM1; p=AAAA",
        "v=DKIM2; " + rsa().record.partition("; ")[2],
        "rubbish; p=;;=",
    ],
    ids=["test", "short", "kind", "hash", "service", "revoked", "garbage", "version", "rubbish"],
)
async def test_a_key_that_may_not_be_used_proves_nothing(assess: MailAssess, zone: Zone, record: str) -> None:
    zone.add("s1._domainkey.shop.example", "TXT", record)
    raw = signed(mail(), signer=rsa(768) if record == rsa(768).record else None)
    assert (await assess(delivery(raw), message())).result is Result.NONE


async def test_a_monstrous_key_is_refused_before_anything_is_computed_with_it(assess: MailAssess, zone: Zone) -> None:
    def der(tag: int, content: bytes) -> bytes:
        return bytes([tag, 0x83]) + len(content).to_bytes(3, "big") + content

    number = der(2, b"\x7f" * 2500)
    zone.add("s1._domainkey.shop.example", "TXT", key_record(der(0x30, number + number)))
    began = time.monotonic()
    assert (await assess(delivery(signed(mail())), message())).result is Result.NONE
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "field",
    [
        b"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s1; h=from; bh=; b=" + b" " * 60_000 + b"!\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=shop.example; s=s1; bh=aa; b=aa; h=from:" + b"a:" * 3_500 + b"\r\n",
        b"DKIM-Signature: v=1;\r\n" * 3_000,
        b"DKIM-Signature: ;;;=;v\r\n",
    ],
    ids=["blanks", "names", "many", "broken"],
)
async def test_a_field_made_to_cost_time_costs_none(assess: MailAssess, zone: Zone, field: bytes) -> None:
    began = time.monotonic()
    assert (await assess(delivery(field + mail()), message())).result is Result.NONE
    assert time.monotonic() - began < 10
    assert not any("_domainkey" in name for name in zone.names)


async def test_a_large_body_of_blanks_leaves_the_loop_its_turns(assess: MailAssess, zone: Zone) -> None:
    publish(zone)
    raw = signed(mail()).replace(BODY, b" " * 16_000_000 + b"\r\n")
    check, turns = asyncio.create_task(assess(delivery(raw), message())), 0
    while not check.done():
        await asyncio.sleep(0.005)
        turns += 1
    assert (await check).result is Result.NONE
    assert turns >= 3


@example(body=b"a \r\n \r\n\r\n", canonical="relaxed", piece=1)
@given(
    body=st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"\r", b"a", b"bc", b"\n"]), max_size=14).map(b"".join),
    canonical=st.sampled_from(["simple", "relaxed"]),
    piece=st.integers(1, 9),
)
def test_the_canonical_body_is_dkimpys_whatever_the_pieces(body: bytes, canonical: Canonical, piece: int) -> None:
    body += b".\r\n"
    policy = CanonicalizationPolicy.from_c_value(b"simple/" + canonical.encode())
    lines = b"\r\n".join(re.split(b"\r?\n", body))
    assert b"".join(canonical_pieces(memoryview(body), canonical, piece)) == policy.canonicalize_body(lines)


def test_the_hash_of_an_empty_body_is_the_one_of_the_rfc() -> None:
    digest, length = body_digest(memoryview(b""), "simple", lambda: None)
    assert (base64.b64encode(digest), length) == (b"frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=", 2)
    assert body_digest(memoryview(b"\r\n\r\n"), "relaxed", lambda: None)[1] == 0


@pytest.mark.parametrize(
    ("block", "fields"),
    [
        (b"A: b\r\n c\r\nD:e\n\r\n", [(b"A", b" b\r\n c\r\n"), (b"D", b"e\r\n")]),
        (b"A: b\r\nno field\r\n", []),
        (b"From : x\r\n", []),
        (b" fold first\r\n", []),
        (b"", []),
    ],
)
def test_a_header_that_is_not_all_fields_has_none_to_sign(block: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    assert strict_fields(block) == fields
