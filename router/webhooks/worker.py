"""Sends events to webhooks: takes tracks under a lease, posts the first event of each, and writes down what came of it.

It may die anywhere. Before the post nothing has happened; after it the lease runs out and the same event is sent
again, under the same id. Places are counted per endpoint, and those that fail have half of all, so that an endpoint
that hangs delays no other.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol
from uuid import UUID

import structlog

from router.webhooks.schedule import Answer, Patience, health_after, judge, recovered
from router.webhooks.sieve import sifted
from router.webhooks.signing import headers
from schemas.webhook_rows import DispatchState, DueDispatch, EndpointState, Health, Tried

POLL: Final = 1.0

_log = structlog.get_logger(__name__)


class Queue(Protocol):
    """What the worker needs of the store; see `ticket_store.webhook_queue`."""

    async def claim(
        self,
        *,
        owner: UUID,
        busy: Mapping[int, int],
        most: int,
        room: int,
        failing: bool,
        now: datetime,
        until: datetime,
    ) -> Sequence[DueDispatch]:
        """Take tracks that are due."""
        ...

    async def settle(
        self, due: DueDispatch, tried: Tried, *, owner: UUID, now: datetime, after: Callable[[Health], Health]
    ) -> tuple[Health, Health] | None:
        """Say what became of a try; None when it counts no more."""
        ...

    async def hurry(self, endpoint_id: int, *, now: datetime) -> None:
        """Let what waits for its next try have it now."""
        ...


class Poster(Protocol):
    """Who asks other servers. Never raises: what goes wrong is an answer without a status."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send one request and give what came of it, within a bounded time."""
        ...


class Metrics(Protocol):
    """Hears what became of tries."""

    def tried(self, endpoint: int, state: str, seconds: float) -> None:
        """Count a try: delivered, pending (there will be another), failed, or lost (it counts no more)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`places` in all and `most` of one endpoint; a `lease` is longer than any post."""

    places: int = 32
    most: int = 4
    lease: timedelta = timedelta(seconds=30)
    patience: Patience = field(default_factory=Patience)


class WebhookWorker:
    """One worker. Several may run; a track is one's at a time."""

    def __init__(
        self,
        *,
        owner: UUID,
        queue: Queue,
        poster: Poster,
        clock: Callable[[], datetime],
        random: Callable[[], float],
        store_errors: tuple[type[Exception], ...],
        metrics: Metrics,
        options: Options,
    ) -> None:
        self._owner = owner
        self._queue = queue
        self._poster = poster
        self._clock = clock
        self._random = random
        self._store_errors = store_errors
        self._metrics = metrics
        self._options = options
        self._flight: dict[asyncio.Task[None], tuple[int, bool]] = {}
        self._stirred = asyncio.Event()
        self._stopping = False

    def stop(self) -> None:
        """Take nothing more; `run` ends when what is in hand has landed."""
        self._stopping = True
        self._stirred.set()

    def stir(self) -> None:
        """Look at once: there may be something to send."""
        self._stirred.set()

    async def run(self) -> None:
        """Send what is due until stopped. Cancelling is safe: what was in hand is sent again when its lease ends."""
        try:
            while not self._stopping:
                self._stirred.clear()
                await self._turn()
                await self._wait()
            while self._flight:
                await asyncio.wait(self._flight)
                await self._turn()
        finally:
            for task in self._flight:
                task.cancel()

    async def round(self) -> int:
        """Send what is due once, and say how many events there were."""
        started = await self._take_off()
        if self._flight:
            await asyncio.wait(self._flight)
        self._reap()
        return started

    async def _turn(self) -> None:
        try:
            self._reap()
            if not self._stopping:
                await self._take_off()
        except self._store_errors as error:
            _log.warning("webhooks_wait", problem=type(error).__name__)

    async def _take_off(self) -> int:
        """Claim tracks of endpoints that work, then of those that fail, each with places of their own."""
        started = 0
        for failing in (False, True):
            taken = sum(1 for _, failed in self._flight.values() if failed is failing)
            room = max(1, self._options.places // 2 if failing else self._options.places) - taken
            if room <= 0:
                continue
            now = self._clock()
            due = await self._queue.claim(
                owner=self._owner,
                busy=Counter(endpoint for endpoint, _ in self._flight.values()),
                most=self._options.most,
                room=room,
                failing=failing,
                now=now,
                until=now + self._options.lease,
            )
            for dispatch in due:
                self._start(dispatch, failing=failing)
            started += len(due)
        return started

    def _start(self, due: DueDispatch, *, failing: bool) -> None:
        task = asyncio.create_task(self._send(due), name=f"endpoint {due.id}")
        self._flight[task] = (due.endpoint_id, failing)
        task.add_done_callback(lambda _: self._stirred.set())

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._stirred.wait(), POLL)
        except TimeoutError:
            return

    def _reap(self) -> None:
        done = [task for task in self._flight if task.done()]
        for task in done:
            del self._flight[task]
        for error in [task.exception() for task in done]:
            if error is not None:
                raise error

    async def _send(self, due: DueDispatch) -> None:
        tried_at = self._clock()
        answer = await self._post(due, tried_at)
        now, patience = self._clock(), self._options.patience
        tried = judge(due, answer, patience, tried_at=tried_at, now=now, random=self._random)
        after = partial(health_after, answer=answer, tried=tried, patience=patience, now=now)
        found = await self._queue.settle(due, tried, owner=self._owner, now=now, after=after)
        state = "lost" if found is None else str(tried.state)
        self._metrics.tried(due.endpoint_id, state, answer.took.total_seconds())
        if found is not None:
            self._tell(due, tried, *found)
            if recovered(*found):
                await self._queue.hurry(due.endpoint_id, now=now)

    async def _post(self, due: DueDispatch, at: datetime) -> Answer:
        """Post it; a bug that one event or endpoint meets must not stop the others."""
        try:
            body = sifted(due.event, due.hidden)
            return await self._poster.post(due.url, headers(due.secrets, str(due.event_id), at, body), body)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others go on, and it is tried again
            _log.exception("webhook_failed", endpoint=due.endpoint_id, dispatch=due.id)
            return Answer(status=None, problem=f"an unexpected problem: {type(error).__name__}")

    def _tell(self, due: DueDispatch, tried: Tried, before: Health, after: Health) -> None:
        """Say in the log what people should know; a try that fails is not news, the dispatches' own log has it."""
        if tried.state is DispatchState.FAILED:
            _log.warning("webhook_given_up", endpoint=due.endpoint_id, dispatch=due.id, problem=tried.problem)
        if after.state is EndpointState.DISABLED and before.state is not EndpointState.DISABLED:
            _log.error("webhook_disabled", endpoint=due.endpoint_id, reason=after.reason)
