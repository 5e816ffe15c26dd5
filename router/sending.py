"""Sends what we owe, whatever the channel: bytes made once and kept, tried until they are taken or nobody will.

The order of one send is: claim (a lease), render, store the bytes, name them, send, mark. A worker that dies in between
leaves a claim that runs out, and the next one sends the same bytes with the same id. So everything arrives at least
once; twice only when we died between the other side's yes and our mark.

What one recipient is told later, doubling from a minute to an hour, is what happens to that recipient alone. A channel
that cannot be reached at all stops the claiming for a while, and costs no send an attempt.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Protocol

import structlog

from router.deliveries import LATER, WAITING, Delivery, Marker, Pace
from router.outbound_ports import SendQueue
from schemas.outbound_rows import DueSend
from schemas.placement import SendKind

LEASE: Final = timedelta(seconds=90)
POLL_SECONDS: Final = 1.0
LONGEST_PAUSE: Final = 60.0

_log = structlog.get_logger(__name__)


class ChannelDownError(Exception):
    """The channel cannot be reached or does not take anything now; the message says why, for people."""


class CannotRenderError(Exception):
    """This message can never be sent as it is; the message says why, for people."""


class Channel(Protocol):
    """One way out."""

    async def render(self, send: DueSend) -> bytes:
        """Make the bytes: the same ones for the same send. Raises `CannotRenderError`; `OSError` is tried again."""
        ...

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        """Send to these recipients and say what became of each. Raises `ChannelDownError`."""
        ...


class Blobs(Protocol):
    """Where the bytes lie."""

    async def get(self, digest: str) -> bytes:
        """Give the whole. Raises `OSError`."""
        ...

    async def keep(self, content: bytes) -> None:
        """Store durably. Raises `OSError`."""
        ...


class SendingHealth(Protocol):
    """Hears whether the ways out can be used."""

    def trouble(self, channel: str, message: str) -> None:
        """Say that a channel cannot be used now."""
        ...

    def well(self, channel: str) -> None:
        """Say that it can."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions:
    """`at_once`: sends in flight. `poll` and `pause` are seconds; `pause` is the first one after an outage."""

    at_once: int = 4
    lease: timedelta = LEASE
    poll: float = POLL_SECONDS
    pause: float = 1.0
    pace: Pace = field(default_factory=Pace)


class SendingWorker:
    """Sends until it is stopped. Several may run; each send is one worker's at a time."""

    def __init__(
        self,
        *,
        queue: SendQueue,
        blobs: Blobs,
        channels: Mapping[str, Channel],
        marker: Marker,
        health: SendingHealth,
        clock: Callable[[], datetime],
        store_errors: tuple[type[Exception], ...],
        options: SenderOptions = SenderOptions(),
    ) -> None:
        self._queue = queue
        self._blobs = blobs
        self._channels = channels
        self._marker = marker
        self._health = health
        self._clock = clock
        self._store_errors = store_errors
        self._options = options
        self._stopping = asyncio.Event()
        self._pauses = dict.fromkeys(channels, options.pause)
        self._down_until: dict[str, datetime] = {}

    def stop(self) -> None:
        """End `run` after what is in hand."""
        self._stopping.set()

    async def run(self) -> None:
        """Send until stopped. Cancelling is safe: what was in hand is sent again when its claim runs out."""
        pause = self._options.pause
        while not self._stopping.is_set():
            try:
                moved = await self.round()
            except self._store_errors as error:
                _log.warning("sending_waits", problem=type(error).__name__, seconds=pause)
                await self._sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = self._options.pause
            if not moved:
                await self._sleep(self._options.poll)

    async def round(self) -> int:
        """Claim what is due, try each once, and say how many there were."""
        now = self._clock()
        open_ = [name for name in self._channels if self._down_until.get(name, now) <= now]
        if not open_:
            return 0
        sends = await self._queue.claim(
            channels=open_, now=now, until=now + self._options.lease, limit=self._options.at_once
        )
        if sends:
            keeping = asyncio.create_task(self._keep(sends))
            try:
                await _all(self._try(send) for send in sends)
            finally:
                keeping.cancel()
        return len(sends)

    async def _keep(self, sends: Sequence[DueSend]) -> None:
        """Renew the lease while the sends are in flight."""
        while True:
            await asyncio.sleep(self._options.lease.total_seconds() / 3)
            try:
                await self._queue.extend(sends, until=self._clock() + self._options.lease)
            except self._store_errors:
                continue

    async def _try(self, send: DueSend) -> None:
        addresses = [r["address"] for r in send.recipients if r["state"] == WAITING]
        channel = self._channels[send.channel]
        if send.kind == SendKind.NOTICE and self._options.pace.is_over(send, self._clock()):
            await self._later(send, addresses, "it is too old to be sent")
            return
        try:
            raw = await self._raw(send, channel)
            found = await channel.send(raw, send, addresses)
        except CannotRenderError as error:
            await self._marker.mark(send, dict.fromkeys(addresses, Delivery("failed", "", str(error))))
        except ChannelDownError as error:
            await self._down(send, addresses, str(error))
        except OSError as error:
            await self._later(send, addresses, f"its bytes cannot be read or stored: {error.strerror or 'damaged'}")
        except Exception as error:
            if isinstance(error, self._store_errors):
                raise
            _log.exception("send_failed", message_id=send.message_id, problem=type(error).__name__)
            await self._later(send, addresses, f"an unexpected problem: {type(error).__name__}")
        else:
            self._up(send.channel)
            await self._marker.mark(send, found)

    async def _raw(self, send: DueSend, channel: Channel) -> bytes:
        """Give the bytes: those of an earlier try, or new ones, stored and named before anybody sees them."""
        if send.direction == "out" and send.raw_sha256 is not None:
            try:
                return await self._blobs.get(send.raw_sha256)
            except FileNotFoundError:
                _log.warning("raw_missing", message_id=send.message_id)
        raw = await channel.render(send)
        if send.direction == "out":
            await self._blobs.keep(raw)
            await self._queue.keep_raw(send.message_id, sha256=sha256(raw).hexdigest(), size=len(raw))
        return raw

    async def _later(self, send: DueSend, addresses: Sequence[str], problem: str) -> None:
        await self._marker.mark(send, dict.fromkeys(addresses, Delivery(LATER, "", problem)))

    async def _down(self, send: DueSend, addresses: Sequence[str], problem: str) -> None:
        """Stop claiming for a while; a send too old is given up, as nobody can wait for ever."""
        now = self._clock()
        self._health.trouble(send.channel, problem)
        pause = self._pauses[send.channel]
        if self._down_until.get(send.channel, now) <= now:
            self._down_until[send.channel] = now + timedelta(seconds=pause)
            self._pauses[send.channel] = min(2 * pause, LONGEST_PAUSE)
            _log.warning("channel_down", channel=send.channel, seconds=pause, problem=problem)
        if self._options.pace.is_over(send, now):
            await self._later(send, addresses, problem)
        else:
            await self._queue.give_back([send], due_at=now, problem=problem)

    def _up(self, channel: str) -> None:
        self._pauses[channel] = self._options.pause
        self._health.well(channel)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return


async def _all(tasks: Iterable[Awaitable[None]]) -> None:
    """Wait for all of them, then raise the first error."""
    results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
