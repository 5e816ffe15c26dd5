"""From deliveries to stored records: what every channel does between "we have the bytes" and "yes".

    door -> normalize -> blobs stored (and senders assessed) -> published -> the caller may say yes

Three outcomes (`connectors.base`): stored; stored as `undecodable`, when the delivery itself can never be read; or
`LaterError`, when anything of ours failed: then the platform tries again, and what was stored already drops as a
duplicate. A delivery whose parser fails unexpectedly is stored as undecodable too, so that one bad mail never blocks
the mailbox; its raw is kept, and an operator sees it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from traceback import walk_tb
from typing import Final, Protocol

import structlog

from connectors.base import (
    BlobWriter,
    Delivery,
    Door,
    InvalidDeliveryError,
    LaterError,
    MessageSink,
    Normalized,
)
from schemas.message import InboundMessage, Kind, Result, Verdict

log = structlog.get_logger(__name__)

PARSER_FAILED: Final = "parser failed"
ACCEPT_SECONDS: Final = 60.0
ASSESS_SECONDS: Final = 2.0
TRACE_FRAMES: Final = 5

Undecodable = Callable[[Delivery, str], InboundMessage]


class Normalize(Protocol):
    """Turns a delivery into a message; `InvalidDeliveryError` when its bytes can never be decoded."""

    def __call__(self, delivery: Delivery, /) -> Awaitable[Normalized]:
        """Normalize one delivery."""
        ...


class Assess(Protocol):
    """Asks whether the sender is who it says. Never refuses; the intake bounds its time."""

    def __call__(self, delivery: Delivery, message: InboundMessage, /) -> Awaitable[Verdict]:
        """Give what is known of the sender."""
        ...


class IntakeMeter(Protocol):
    """What the intake counts. Satisfied in `daemon/wiring.py`."""

    def accepted(self, *, account: str, kind: Kind) -> None:
        """Count a message that is stored."""

    def later(self, *, account: str) -> None:
        """Count a delivery that the platform shall bring again."""

    def parser_failed(self, *, account: str) -> None:
        """Count a delivery on which the parser failed unexpectedly."""

    def took(self, seconds: float) -> None:
        """Measure one accept, from the call to its end, whatever the end was."""


class Unmetered:
    """Counts nothing."""

    def accepted(self, *, account: str, kind: Kind) -> None:
        """Count nothing."""

    def later(self, *, account: str) -> None:
        """Count nothing."""

    def parser_failed(self, *, account: str) -> None:
        """Count nothing."""

    def took(self, seconds: float) -> None:
        """Measure nothing."""


class Intake:
    """Accepts deliveries of one channel. Safe for many concurrent callers.

    `undecodable` makes the record for a delivery that cannot be read; `assess` finds out about the senders of those
    deliveries about which it `asks`. `seconds` bounds one `accept`, `assess_seconds` bounds asking about one sender
    (then the verdict is `temperror`).
    """

    def __init__(
        self,
        *,
        normalize: Normalize,
        undecodable: Undecodable,
        blobs: BlobWriter,
        sink: MessageSink,
        door: Door,
        assess: Assess | None = None,
        asks: Callable[[Delivery], bool] = lambda _: True,
        meter: IntakeMeter | None = None,
        seconds: float = ACCEPT_SECONDS,
        assess_seconds: float = ASSESS_SECONDS,
    ) -> None:
        self._normalize = normalize
        self._undecodable = undecodable
        self._blobs = blobs
        self._sink = sink
        self._door = door
        self._assess = assess
        self._asks = asks
        self._meter = meter or Unmetered()
        self._seconds = seconds
        self._assess_seconds = assess_seconds
        self._running: set[asyncio.Task[tuple[str, ...]]] = set()

    def check(self) -> None:
        """Raise `LaterError` while nothing is taken."""
        self._door.check()

    async def accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        """Store one record a delivery and give their delivery keys, in order. Raises `LaterError` and nothing else.

        Cancelling the caller does not cancel the store: it is finished, and the retry drops as a duplicate.
        """
        self._door.check()
        task = asyncio.create_task(self._accept(deliveries))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def drain(self, seconds: float) -> None:
        """Wait at most so long for what is being stored; then drop it unacknowledged."""
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._in_time(deliveries)
        except (LaterError, asyncio.CancelledError) as error:
            for delivery in deliveries:
                self._meter.later(account=delivery.account.name)
            if isinstance(error, LaterError):
                raise
            raise LaterError("stopped while storing") from error  # only `drain` cancels this task
        finally:
            self._meter.took(loop.time() - began)

    async def _in_time(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._store(deliveries)
        except LaterError as error:
            log.warning("intake_later", reason=str(error))
            raise
        except Exception as error:
            log.error("intake_failed", error=type(error).__name__, trace=trace(error))  # noqa: TRY400 - texts may quote mail
            raise LaterError(f"the intake failed: {type(error).__name__}") from error

    async def _store(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        normalized = [await self._one(delivery) for delivery in deliveries]
        messages: Sequence[InboundMessage] = [one.message for one in normalized]
        if self._assess is not None and any(map(self._asks, deliveries)):
            messages, _ = await asyncio.gather(self._assessed(deliveries, messages), self._put(deliveries, normalized))
        else:
            await self._put(deliveries, normalized)
        await self._publish(deliveries, messages)
        for message in messages:
            self._meter.accepted(account=message.account, kind=message.kind)
        return tuple(message.delivery_key for message in messages)

    async def _one(self, delivery: Delivery) -> Normalized:
        try:
            return await self._normalize(delivery)
        except InvalidDeliveryError as error:
            return self._unreadable(delivery, error.reason)
        except (LaterError, OSError, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - a bug must not block the mailbox: the raw is kept and held
            log.error(  # noqa: TRY400 - an exception's text may quote the mail
                "parser_failed", account=delivery.account.name, error=type(error).__name__, trace=trace(error)
            )
            self._meter.parser_failed(account=delivery.account.name)
            return self._unreadable(delivery, PARSER_FAILED)

    def _unreadable(self, delivery: Delivery, reason: str) -> Normalized:
        return Normalized(message=self._undecodable(delivery, reason))

    async def _put(self, deliveries: Sequence[Delivery], normalized: Sequence[Normalized]) -> None:
        contents = dict.fromkeys(delivery.raw for delivery in deliveries)
        contents.update(dict.fromkeys(blob for one in normalized for blob in one.blobs))
        refs = await self._blobs.put_many(tuple(contents))
        stored = {ref.sha256 for ref in refs}
        if any(one.message.raw.sha256 not in stored for one in normalized):
            raise LaterError("a message names a raw delivery that was not stored")

    async def _assessed(
        self, deliveries: Sequence[Delivery], messages: Sequence[InboundMessage]
    ) -> Sequence[InboundMessage]:
        verdicts = await asyncio.gather(*map(self._verdict, deliveries, messages))
        return [m.model_copy(update={"verdict": verdict}) for m, verdict in zip(messages, verdicts, strict=True)]

    async def _verdict(self, delivery: Delivery, message: InboundMessage) -> Verdict:
        if self._assess is None or message.kind is Kind.UNDECODABLE or not self._asks(delivery):
            return message.verdict
        try:
            async with asyncio.timeout(self._assess_seconds):
                return await self._assess(delivery, message)
        except Exception as error:  # noqa: BLE001 - an unknown sender is no reason to lose a mail
            log.warning("assess_failed", error=type(error).__name__)
            return Verdict(result=Result.TEMPERROR)

    async def _publish(self, deliveries: Sequence[Delivery], messages: Sequence[InboundMessage]) -> None:
        try:
            await self._sink.publish(messages)
        except InvalidDeliveryError:
            for delivery, message in zip(deliveries, messages, strict=True):
                await self._publish_alone(delivery, message)

    async def _publish_alone(self, delivery: Delivery, message: InboundMessage) -> None:
        """Store what the bus takes, and for what it never will (over its size limit) a record that says so."""
        try:
            await self._sink.publish((message,))
        except InvalidDeliveryError as error:
            await self._sink.publish((self._undecodable(delivery, error.reason),))


def trace(error: BaseException) -> list[str]:
    """Say where an exception came from: the innermost frames as file:line function, without any value or text."""
    frames = [(frame.f_code, line) for frame, line in walk_tb(error.__traceback__)][-TRACE_FRAMES:]
    return [f"{Path(code.co_filename).name}:{line} {code.co_name}" for code, line in frames]
