"""Sends what we owe, whatever the channel: bytes made once and kept, tried until they are taken or nobody will.

The order of one send is: claim (a lease), render, store the bytes, name them, send, mark. A worker that dies in between
leaves a claim that runs out, and the next one sends the same bytes with the same id. So everything arrives at least
once; twice only when we died between the other side's yes and our mark.

What one recipient is told later, doubling from a minute to an hour, is what happens to that recipient alone. A channel
that cannot be reached at all stops the claiming for a while, and costs no send an attempt.

Sends stand in lanes: all mail in one, every account of another channel in its own. Each lane has places of its own, so
that nothing waits for what is slow, flooded or down on another.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
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


class NotYetError(Exception):
    """The other side lets nothing through before `until`: no fault of this send; the message is for people."""

    def __init__(self, problem: str, *, until: datetime) -> None:
        super().__init__(problem)
        self.until = until


class CannotRenderError(Exception):
    """This message can never be sent as it is; the message says why, for people."""


class Channel(Protocol):
    """One way out."""

    async def render(self, send: DueSend) -> bytes:
        """Make the bytes: the same ones for the same send. Raises `CannotRenderError`; `OSError` is tried again."""
        ...

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        """Send to these recipients and say what became of each. Raises `ChannelDownError`, `NotYetError`."""
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

    def trouble(self, lane: str, message: str) -> None:
        """Say that a lane cannot be used now."""
        ...

    def well(self, lane: str) -> None:
        """Say that it can."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderOptions:
    """`at_once`: sends in flight of each lane. `poll` and `pause` are seconds; `pause` is the first after an outage."""

    at_once: int = 4
    lease: timedelta = LEASE
    poll: float = POLL_SECONDS
    pause: float = 1.0
    pace: Pace = field(default_factory=Pace)


class SendingWorker:
    """Sends until it is stopped. Several may run; each send is one worker's at a time. `channels` are by lane."""

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
        self._flight: dict[asyncio.Task[None], DueSend] = {}
        self._landed = asyncio.Event()

    def stop(self) -> None:
        """End `run` after what is in hand."""
        self._stopping.set()
        self._landed.set()

    async def run(self) -> None:
        """Send until stopped. Cancelling is safe: what was in hand is sent again when its claim runs out."""
        pause = self._options.pause
        async with self._keeping():
            while not self._stopping.is_set():
                try:
                    self._landed.clear()
                    self._reap()
                    await self._take_off()
                except self._store_errors as error:
                    _log.warning("sending_waits", problem=type(error).__name__, seconds=pause)
                    await self._sleep(pause)
                    pause = min(2 * pause, LONGEST_PAUSE)
                    continue
                pause = self._options.pause
                await self._wait()
            await self._all_landed()

    async def round(self) -> int:
        """Claim what is due, try each once, and say how many there were."""
        async with self._keeping():
            started = await self._take_off()
            await self._all_landed()
        return started

    async def _take_off(self) -> int:
        """Claim what is due in lanes that have room, and begin to send it."""
        now = self._clock()
        busy = Counter(send.lane for send in self._flight.values())
        rooms = {
            lane: self._options.at_once - busy[lane]
            for lane in self._channels
            if busy[lane] < self._options.at_once and self._down_until.get(lane, now) <= now
        }
        if not rooms:
            return 0
        sends = await self._queue.claim(rooms=rooms, now=now, until=now + self._options.lease)
        for send in sends:
            task = asyncio.create_task(self._try(send))
            self._flight[task] = send
            task.add_done_callback(lambda _: self._landed.set())
        return len(sends)

    async def _wait(self) -> None:
        """Wait until something landed or it is time to look again."""
        try:
            await asyncio.wait_for(self._landed.wait(), self._options.poll)
        except TimeoutError:
            return

    async def _all_landed(self) -> None:
        if self._flight:
            await asyncio.wait(self._flight)
        self._reap()

    def _reap(self) -> None:
        """Forget sends that are over, then raise the first error."""
        done = [task for task in self._flight if task.done()]
        for task in done:
            del self._flight[task]
        for error in [task.exception() for task in done]:
            if error is not None:
                raise error

    @asynccontextmanager
    async def _keeping(self) -> AsyncIterator[None]:
        """Renew the leases of what is in flight; what still flies at the end is cut short."""
        keeping = asyncio.create_task(self._keep())
        try:
            yield
        finally:
            for task in (keeping, *self._flight):
                task.cancel()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._options.lease.total_seconds() / 3)
            try:
                await self._queue.extend(list(self._flight.values()), until=self._clock() + self._options.lease)
            except self._store_errors:
                continue

    async def _try(self, send: DueSend) -> None:
        addresses = [r["address"] for r in send.recipients if r["state"] == WAITING]
        channel = self._channels[send.lane]
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
        except NotYetError as error:
            await self._not_yet(send, addresses, error)
        except OSError as error:
            await self._later(send, addresses, f"its bytes cannot be read or stored: {error.strerror or 'damaged'}")
        except Exception as error:
            if isinstance(error, self._store_errors):
                raise
            _log.exception("send_failed", message_id=send.message_id, problem=type(error).__name__)
            await self._later(send, addresses, f"an unexpected problem: {type(error).__name__}")
        else:
            self._up(send.lane)
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
        self._health.trouble(send.lane, problem)
        pause = self._pauses[send.lane]
        if self._down_until.get(send.lane, now) <= now:
            self._down_until[send.lane] = now + timedelta(seconds=pause)
            self._pauses[send.lane] = min(2 * pause, LONGEST_PAUSE)
            _log.warning("channel_down", lane=send.lane, seconds=pause, problem=problem)
        await self._give_back(send, addresses, problem, due_at=now)

    async def _not_yet(self, send: DueSend, addresses: Sequence[str], error: NotYetError) -> None:
        """Let a send wait that was let through no further."""
        self._up(send.lane)
        await self._give_back(send, addresses, str(error), due_at=error.until)

    async def _give_back(self, send: DueSend, addresses: Sequence[str], problem: str, *, due_at: datetime) -> None:
        if self._options.pace.is_over(send, self._clock()):
            await self._later(send, addresses, problem)
        else:
            await self._queue.give_back([send], due_at=due_at, problem=problem)

    def _up(self, lane: str) -> None:
        self._pauses[lane] = self._options.pause
        self._health.well(lane)

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
