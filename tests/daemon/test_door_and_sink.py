from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bus.port import BusUnavailableError, NewRecord, Place, RecordRefusedError
from connectors.base import InvalidDeliveryError, LaterError
from daemon.door import Gate
from daemon.health import BUS, DISK, LAG, Board
from daemon.sink import KEPT_BYTES, BusSink, key_of, record
from schemas.message import BlobRef, InboundMessage, Party, Text, Thread, ThreadId

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def board() -> Board:
    return Board(clock=lambda: NOON)


def message(*, text: str = "hello", thread: Thread | None = None) -> InboundMessage:
    return InboundMessage(
        channel="mail",
        account="support",
        scope="support",
        delivery_key="d" * 64,
        received_at=NOON,
        sender=Party(address="ana@example.org"),
        text=Text(content=text),
        thread=thread or Thread(),
        raw=BlobRef(sha256="a" * 64, size=10),
    )


class SmallBus:
    """A bus that takes records up to a size, and can be down."""

    def __init__(self, *, limit: int = 1_000_000) -> None:
        self.limit = limit
        self.down = False
        self.stored: list[NewRecord] = []

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> Sequence[Place]:
        assert topic == "switchboard.inbound"
        if self.down:
            raise BusUnavailableError("down")
        for index, one in enumerate(records):
            if len(one.value) > self.limit:
                raise RecordRefusedError("too large", index=index)
        self.stored += records
        return [Place(partition=0, offset=offset) for offset, _ in enumerate(records)]


class Shelf:
    def __init__(self) -> None:
        self.kept: list[bytes] = []

    async def put(self, content: bytes) -> BlobRef:
        self.kept.append(content)
        return BlobRef(sha256="b" * 64, size=len(content))

    async def put_many(self, contents: Sequence[bytes]) -> list[BlobRef]:
        return [await self.put(content) for content in contents]


def sink(bus: SmallBus, shelf: Shelf, on: Board) -> BusSink:
    return BusSink(publisher=bus, topic="switchboard.inbound", blobs=shelf, board=on, shrunk=lambda: None)


async def test_a_record_too_large_for_the_bus_leaves_its_text_in_the_blob_store() -> None:
    bus, shelf = SmallBus(limit=50_000), Shelf()
    await sink(bus, shelf, board()).publish([message(), message(text="ä" * 50_000)])
    small, large = (InboundMessage.model_validate_json(one.value) for one in bus.stored)
    assert small.text.content == "hello"
    assert large.text.content == "ä" * (KEPT_BYTES // 2)
    assert large.text.overflow == BlobRef(sha256="b" * 64, size=100_000)
    assert shelf.kept == [("ä" * 50_000).encode()]


async def test_a_record_too_large_without_its_text_is_the_deliverys_own_fault() -> None:
    with pytest.raises(InvalidDeliveryError):
        await sink(SmallBus(limit=100), Shelf(), board()).publish([message()])


async def test_a_bus_that_is_down_means_later_and_is_named_until_it_is_back() -> None:
    bus, on = SmallBus(), board()
    bus.down = True
    with pytest.raises(LaterError):
        await sink(bus, Shelf(), on).publish([message()])
    assert [trouble.reason for trouble in on] == [BUS]
    bus.down = False
    await sink(bus, Shelf(), on).publish([message()])
    assert list(on) == []


def test_a_record_names_its_schema() -> None:
    assert record(message()).headers == (("schema", b"inbound-message/1.0"),)


def test_mails_of_one_conversation_share_a_key() -> None:
    first, second, third = (ThreadId(digest=char * 64) for char in "123")
    opening = message(thread=Thread(own=first))
    reply = message(thread=Thread(own=second, in_reply_to=(first,)))
    answer = message(thread=Thread(own=third, in_reply_to=(second,), references=(first, second)))
    assert key_of(opening) == key_of(reply) == key_of(answer) == first.digest.encode()


def test_a_chat_is_keyed_by_account_and_conversation() -> None:
    chat = ThreadId(digest="c" * 64)
    assert key_of(message(thread=Thread(conversation=chat, own=ThreadId(digest="1" * 64)))) == b"support:" + b"c" * 64


def test_a_message_without_any_id_is_keyed_by_its_delivery() -> None:
    assert key_of(message()) == b"d" * 64


def test_the_gate_says_later_for_each_reason_until_it_is_over() -> None:
    on = board()
    counted: list[str] = []
    gate = Gate(board=on, counted=counted.append)
    gate.check()
    gate.look_at_lag(behind=True, hours=168)
    with pytest.raises(LaterError, match="168 hours"):
        gate.check()
    assert (counted, [trouble.reason for trouble in on]) == ([LAG], [LAG])
    gate.look_at_lag(behind=False, hours=168)
    gate.check()
    gate.stop()
    with pytest.raises(LaterError):
        gate.check()


@pytest.mark.parametrize("limits", [{"min_free_bytes": 10**18}, {"min_free_share": 1.01}])
def test_the_gate_closes_before_the_disk_is_full(tmp_path: Path, limits: dict[str, Any]) -> None:
    on = board()
    gate = Gate(board=on, counted=lambda _: None, **limits)
    assert gate.look_at_disk(tmp_path) > 0
    assert [trouble.reason for trouble in on] == [DISK]
    with pytest.raises(LaterError, match="bytes free"):
        gate.check()


def test_the_gate_closes_while_a_disk_cannot_be_looked_at(tmp_path: Path) -> None:
    gate = Gate(board=board(), counted=lambda _: None, min_free_bytes=0, min_free_share=0)
    assert gate.look_at_disk(tmp_path, tmp_path / "gone") == 0
    with pytest.raises(LaterError, match="gone cannot be looked at"):
        gate.check()
    gate.look_at_disk(tmp_path, tmp_path)
    gate.check()


def test_the_gate_is_open_while_there_is_room(tmp_path: Path) -> None:
    gate = Gate(board=board(), counted=lambda _: None, min_free_bytes=0, min_free_share=0.0)
    gate.look_at_disk(tmp_path)
    gate.check()
