"""The ports of the intake, in memory: a blob store, a topic and a door that can be made to fail or to wait.

`plain_normalize` stands for a channel's parser where a test is about what happens around it.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha256

from connectors.base import Delivery, InvalidDeliveryError, LaterError, Normalized
from connectors.intake import Intake
from schemas.message import BlobRef, InboundMessage, Kind, Party


class MemoryBlobs:
    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.puts: list[str] = []
        self.error: Exception | None = None

    async def put(self, content: bytes) -> BlobRef:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        digest = sha256(content).hexdigest()
        self.puts.append(digest)
        self.contents[digest] = content
        return BlobRef(sha256=digest, size=len(content))

    async def put_many(self, contents: Sequence[bytes]) -> list[BlobRef]:
        return [await self.put(content) for content in contents]


class MemorySink:
    """`open` cleared: publishing waits. `error`: publishing fails. `largest`: raw bytes it ever takes."""

    def __init__(self) -> None:
        self.messages: list[InboundMessage] = []
        self.calls = 0
        self.error: Exception | None = None
        self.largest: int | None = None
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.open.set()

    async def publish(self, messages: Sequence[InboundMessage]) -> None:
        self.calls += 1
        self.entered.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error
        if self.largest is not None and any(m.raw.size > self.largest and m.kind is Kind.MESSAGE for m in messages):
            raise InvalidDeliveryError("the record is over the log's limit")
        self.messages.extend(messages)


class MemoryDoor:
    def __init__(self) -> None:
        self.reason = ""

    def check(self) -> None:
        if self.reason:
            raise LaterError(self.reason)


def plain_undecodable(delivery: Delivery, reason: str) -> InboundMessage:
    return plain_message(delivery).model_copy(update={"kind": Kind.UNDECODABLE, "problem": reason})


async def plain_normalize(delivery: Delivery) -> Normalized:
    return Normalized(message=plain_message(delivery))


def plain_message(delivery: Delivery) -> InboundMessage:
    return InboundMessage(
        channel=delivery.account.channel,
        account=delivery.account.name,
        scope=delivery.account.scope,
        delivery_key=sha256(delivery.account.name.encode() + delivery.raw).hexdigest(),
        received_at=delivery.received_at,
        sender=Party(address=delivery.mail_from),
        raw=BlobRef(sha256=sha256(delivery.raw).hexdigest(), size=len(delivery.raw)),
    )


def plain_intake(blobs: MemoryBlobs, sink: MemorySink, door: MemoryDoor) -> Intake:
    return Intake(normalize=plain_normalize, undecodable=plain_undecodable, blobs=blobs, sink=sink, door=door)
