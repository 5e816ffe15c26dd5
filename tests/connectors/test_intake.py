"""From deliveries to stored records: what is stored first, what becomes "later", what is held as undecodable."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from intake_ports import MemoryBlobs, MemoryDoor, MemorySink, plain_message, plain_normalize, plain_undecodable

from connectors.base import Account, Delivery, InvalidDeliveryError, LaterError, Normalized
from connectors.intake import Assess, Intake
from schemas.message import InboundMessage, Kind, Result, Verdict

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Counts:
    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self.seconds: list[float] = []

    def accepted(self, *, account: str, kind: Kind) -> None:
        self.seen.append((account, kind.value))

    def later(self, *, account: str) -> None:
        self.seen.append((account, "later"))

    def parser_failed(self, *, account: str) -> None:
        self.seen.append((account, "parser failed"))

    def took(self, seconds: float) -> None:
        self.seconds.append(seconds)


class Kit:
    def __init__(
        self,
        *,
        normalize: Callable[[Delivery], Awaitable[Normalized]] = plain_normalize,
        assess: Assess | None = None,
        seconds: float = 5,
    ) -> None:
        self.blobs, self.sink, self.door, self.counts = MemoryBlobs(), MemorySink(), MemoryDoor(), Counts()
        self.intake = Intake(
            normalize=normalize,
            undecodable=plain_undecodable,
            blobs=self.blobs,
            sink=self.sink,
            door=self.door,
            assess=assess,
            meter=self.counts,
            seconds=seconds,
            assess_seconds=0.02,
        )


def delivery(raw: bytes = b"raw", account: str = "help") -> Delivery:
    return Delivery(
        account=Account(name=account, channel="mail", scope=account), raw=raw, received_at=NOON, intake="smtp"
    )


def raising(error: Exception, *, only: bytes | None = None) -> Callable[[Delivery], Awaitable[Normalized]]:
    async def normalize(delivery: Delivery) -> Normalized:
        if only is None or delivery.raw == only:
            raise error
        return await plain_normalize(delivery)

    return normalize


async def test_one_raw_for_two_accounts_is_stored_once_and_published_in_one_call() -> None:
    kit = Kit()
    keys = await kit.intake.accept([delivery(account="help"), delivery(account="sales")])
    assert [m.account for m in kit.sink.messages] == ["help", "sales"]
    assert keys == tuple(m.delivery_key for m in kit.sink.messages)
    assert len(set(keys)) == 2
    assert (len(kit.blobs.puts), kit.sink.calls) == (1, 1)
    assert kit.counts.seen == [("help", "message"), ("sales", "message")]
    assert len(kit.counts.seconds) == 1


async def test_files_are_stored_once_each_before_the_message_is_published() -> None:
    async def normalize(delivery: Delivery) -> Normalized:
        return Normalized(message=plain_message(delivery), blobs=(b"logo", b"letter", b"logo"))

    kit = Kit(normalize=normalize)
    kit.sink.open.clear()
    accepting = asyncio.create_task(kit.intake.accept([delivery()]))
    await kit.sink.entered.wait()
    assert sorted(kit.blobs.puts) == sorted(sha256(content).hexdigest() for content in (b"raw", b"logo", b"letter"))
    kit.sink.open.set()
    await accepting


async def test_a_closed_door_takes_nothing_in() -> None:
    kit = Kit()
    kit.door.reason = "stopping"
    with pytest.raises(LaterError, match="stopping"):
        await kit.intake.accept([delivery()])
    with pytest.raises(LaterError):
        kit.intake.check()
    assert kit.blobs.puts == []


async def test_an_invalid_delivery_is_published_with_its_reason_and_its_raw() -> None:
    kit = Kit(normalize=raising(InvalidDeliveryError("too many parts"), only=b"bad"))
    await kit.intake.accept([delivery(b"bad"), delivery(b"good", "sales")])
    assert [(m.kind, m.problem) for m in kit.sink.messages] == [
        (Kind.UNDECODABLE, "too many parts"),
        (Kind.MESSAGE, ""),
    ]
    assert kit.blobs.contents[kit.sink.messages[0].raw.sha256] == b"bad"


@pytest.mark.parametrize("error", [ValueError("secret words"), RecursionError(), AssertionError(), KeyError("secret")])
async def test_a_parser_that_fails_is_logged_without_text_and_its_delivery_held(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    kit = Kit(normalize=raising(error))
    await kit.intake.accept([delivery()])
    assert [(m.kind, m.problem) for m in kit.sink.messages] == [(Kind.UNDECODABLE, "parser failed")]
    assert kit.counts.seen == [("help", "parser failed"), ("help", "undecodable")]
    logged = "".join(capsys.readouterr())
    assert type(error).__name__ in logged
    assert "test_intake.py" in logged
    assert "secret" not in logged


@pytest.mark.parametrize("error", [OSError(24, "too many files"), MemoryError(), LaterError("no child to parse in")])
async def test_trouble_of_ours_while_normalizing_is_later_and_nothing_is_stored(error: Exception) -> None:
    kit = Kit(normalize=raising(error))
    with pytest.raises(LaterError):
        await kit.intake.accept([delivery()])
    assert kit.sink.calls == 0
    assert kit.counts.seen == [("help", "later")]


async def test_blobs_that_fail_are_later_and_nothing_is_published() -> None:
    kit = Kit()
    kit.blobs.error = OSError(28, "no space left")
    with pytest.raises(LaterError):
        await kit.intake.accept([delivery()])
    assert kit.sink.calls == 0


@pytest.mark.parametrize("error", [LaterError("down"), RuntimeError("a bug"), TimeoutError()])
async def test_a_sink_that_fails_is_later(error: Exception) -> None:
    kit = Kit()
    kit.sink.error = error
    with pytest.raises(LaterError):
        await kit.intake.accept([delivery()])


async def test_a_message_that_names_another_raw_is_not_published() -> None:
    async def normalize(one: Delivery) -> Normalized:
        return Normalized(message=plain_message(delivery(one.raw + b"changed")))

    kit = Kit(normalize=normalize)
    with pytest.raises(LaterError, match="raw"):
        await kit.intake.accept([delivery()])
    assert kit.sink.calls == 0


async def test_a_store_that_hangs_is_later_and_leaves_nothing_behind() -> None:
    kit = Kit(seconds=0.05)
    kit.sink.open.clear()
    with pytest.raises(LaterError):
        await kit.intake.accept([delivery()])
    kit.sink.open.set()
    await kit.intake.drain(1)
    assert kit.sink.messages == []


async def test_cancelling_the_caller_does_not_cancel_the_store() -> None:
    kit = Kit()
    kit.sink.open.clear()
    accepting = asyncio.create_task(kit.intake.accept([delivery()]))
    await kit.sink.entered.wait()
    accepting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await accepting
    kit.sink.open.set()
    await kit.intake.drain(1)
    assert len(kit.sink.messages) == 1


async def test_draining_drops_what_does_not_end_in_time() -> None:
    kit = Kit()
    kit.sink.open.clear()
    accepting = asyncio.create_task(kit.intake.accept([delivery()]))
    await kit.sink.entered.wait()
    await kit.intake.drain(0.02)
    with pytest.raises(LaterError, match="stopped"):
        await accepting
    await kit.intake.drain(0.02)


async def test_a_message_that_the_log_never_takes_is_held_and_the_others_go_through() -> None:
    kit = Kit()
    kit.sink.largest = 10
    await kit.intake.accept([delivery(b"x" * 11, "help"), delivery(b"small", "sales")])
    assert [(m.account, m.kind, m.problem) for m in kit.sink.messages] == [
        ("help", Kind.UNDECODABLE, "the record is over the log's limit"),
        ("sales", Kind.MESSAGE, ""),
    ]


async def test_the_senders_verdict_stands_in_the_message() -> None:
    async def assess(_delivery: Delivery, _message: InboundMessage) -> Verdict:
        return Verdict(result=Result.PASS, method="dkim", domain="example.net")

    kit = Kit(assess=assess)
    await kit.intake.accept([delivery()])
    assert kit.sink.messages[0].verdict == Verdict(result=Result.PASS, method="dkim", domain="example.net")


@pytest.mark.parametrize("slow", [True, False])
async def test_a_verdict_that_fails_or_takes_too_long_is_temperror(*, slow: bool) -> None:
    async def assess(_delivery: Delivery, _message: InboundMessage) -> Verdict:
        if not slow:
            raise OSError("no name server")
        await asyncio.sleep(5)
        return Verdict(result=Result.PASS)

    kit = Kit(assess=assess)
    await kit.intake.accept([delivery()])
    assert kit.sink.messages[0].verdict.result is Result.TEMPERROR
