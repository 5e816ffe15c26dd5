"""Whole mails, from the SMTP door to the topic, with their verdicts."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from dns_records import Zone, serving
from intake_ports import MemoryBlobs, MemoryDoor, MemorySink
from signed_mails import PEER, mail, publish, signed
from smtp_client import MAIL, listening

from connectors.base import Delivery
from connectors.intake import Intake
from connectors.mail.assess import MailAssess, _split
from connectors.mail.assess_settings import AssessSettings
from connectors.mail.normalize import undecodable
from connectors.mail.normalizer import MailNormalizer
from connectors.mail.structure import MAX_HEADER_BYTES
from schemas.message import Result, Verdict

RELAY = "198.51.100.7"
SETTINGS = AssessSettings(
    trusted_relays=("198.51.100.0/24", "2001:db8::/32", "127.0.0.1"),
    trusted_authserv_ids=("MX.desk.example", "mx2.desk.example"),
    authserv_id="switchboard.desk.example",
)
GOOD = b"mx.desk.example; dkim=pass header.d=shop.example; dmarc=pass (p=REJECT) header.from=shop.example"


@pytest.fixture
def zone() -> Zone:
    return Zone()


def checked(*values: bytes, sender: str = "ann@shop.example") -> bytes:
    return mail(sender, *(b"Authentication-Results: " + value for value in values))


class FromOutside:
    """Stands between door and intake: what comes over loopback looks as if it came from a peer out there."""

    def __init__(self, intake: Intake) -> None:
        self.intake = intake

    def check(self) -> None:
        self.intake.check()

    async def accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        return await self.intake.accept([replace(one, peer=PEER) for one in deliveries])

    async def drain(self, seconds: float) -> None:
        await self.intake.drain(seconds)


async def through_the_door(raw: bytes, settings: AssessSettings, *, outside: bool) -> Verdict:
    """Send a mail by SMTP and give the verdict of the message on the topic."""
    sink, parser = MemorySink(), MailNormalizer()
    assess = MailAssess(settings=settings, clock=time.monotonic)
    intake = Intake(
        normalize=parser, undecodable=undecodable, blobs=MemoryBlobs(), sink=sink, door=MemoryDoor(), assess=assess
    )
    try:
        async with listening(intake=FromOutside(intake) if outside else intake) as rig:  # type: ignore[arg-type]  # has what the rig uses
            assert (await (await rig.client()).mail(raw)).startswith("250")
    finally:
        assess.close()
        await parser.close()
    [published] = sink.messages
    return published.verdict


async def test_a_signed_mail_by_smtp_is_published_with_its_verdict(zone: Zone) -> None:
    publish(zone)
    async with serving(zone) as server:
        settings = AssessSettings(dns_servers=(server,))
        verdict = await through_the_door(signed(mail()), settings, outside=True)
    assert verdict == Verdict(result=Result.PASS, method="dkim", domain="shop.example")


async def test_a_forged_mail_by_smtp_is_published_with_its_verdict(zone: Zone) -> None:
    zone.add("_dmarc.shop.example", "TXT", "v=DMARC1; p=reject")
    publish(zone, "evil.example")
    async with serving(zone) as server:
        settings = AssessSettings(dns_servers=(server,))
        verdict = await through_the_door(signed(mail(), domain="evil.example"), settings, outside=True)
    assert verdict == Verdict(result=Result.FAIL, method="dmarc", domain="shop.example")


async def test_a_relay_on_this_machine_is_believed_when_it_is_trusted() -> None:
    verdict = await through_the_door(checked(GOOD), SETTINGS, outside=False)
    assert verdict == Verdict(result=Result.PASS, method="dmarc", domain="shop.example")


async def test_the_unconfigured_daemon_asks_nothing_about_mail_of_this_machine(zone: Zone) -> None:
    async with serving(zone) as server:
        assert await through_the_door(MAIL, AssessSettings(dns_servers=(server,)), outside=False) == Verdict()
    assert zone.asked == []


def test_a_mail_without_a_blank_line_is_looked_at_no_further_than_a_header_block_may_go() -> None:
    gaps = b"a:\r\nx\r\n" * 400_000
    raw = b"From: a@b.example\r\nMessage-ID: <x@y>\r\n" + (b"x" * 70 + b"\r\n") * 4000 + gaps
    block, body = _split(raw)
    assert len(block) <= MAX_HEADER_BYTES
    assert len(block) + len(body) == len(raw)
