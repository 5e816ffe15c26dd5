"""Listener, intake and the real mail parser together; only blob store and topic are in memory."""

from collections.abc import AsyncIterator

import pytest
from intake_ports import MemoryBlobs, MemoryDoor, MemorySink
from smtp_client import MAIL, Rig, listening

from connectors.intake import Intake
from connectors.mail.normalize import undecodable
from connectors.mail.normalizer import MailNormalizer
from schemas.message import Kind

BOMB = b"Subject: bomb\r\n" + b"".join(
    b"Content-Type: multipart/mixed; boundary=%d\r\n\r\n--%d\r\n" % (n, n) for n in range(3_000)
)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    blobs, sink, parser = MemoryBlobs(), MemorySink(), MailNormalizer()
    intake = Intake(normalize=parser, undecodable=undecodable, blobs=blobs, sink=sink, door=MemoryDoor())
    async with listening(intake=intake) as rig:
        rig.blobs, rig.sink = blobs, sink
        yield rig
    await parser.close()


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (MAIL, Kind.MESSAGE),
        (b"", Kind.MESSAGE),
        (b"no header at all\r\n", Kind.MESSAGE),
        (b"Subject: \x00\xff\r\n\r\n\x00\xed\xa0\x80\r\n", Kind.MESSAGE),
        (BOMB, Kind.UNDECODABLE),
    ],
    ids=["plain", "empty", "headerless", "bytes", "bomb"],
)
async def test_any_mail_is_stored_with_its_raw_and_the_answer_names_its_key(rig: Rig, raw: bytes, kind: Kind) -> None:
    answer = await (await rig.client()).mail(raw)
    [message] = rig.sink.messages
    assert message.kind is kind
    assert answer.endswith(message.delivery_key[:16])
    assert rig.stored == [raw]


async def test_the_same_mail_twice_has_the_same_key_so_that_the_second_drops(rig: Rig) -> None:
    client = await rig.client()
    assert await client.mail(MAIL) == await client.mail(MAIL)
    assert rig.sink.messages[0].delivery_key == rig.sink.messages[1].delivery_key
