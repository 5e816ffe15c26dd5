"""What this process knows of its accounts' intakes: state, trouble, last delivery. Told to the store every second."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from connectors.base import Account
from connectors.intake import IntakeMeter
from daemon.adapters import STORE_ERRORS
from daemon.health import Board
from daemon.metrics import ChannelMetrics
from schemas.message import Kind
from ticket_store.channel_states import ChannelState, State, write_states
from ticket_store.pool import Pool

WRITE_EVERY: Final = 1.0
SAY_AGAIN: Final = timedelta(seconds=30)
"""A state is written anew after this time, so that readers can tell an old word from a dead process."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    state: State
    since: datetime
    problem: str = ""
    delivered_at: datetime | None = None
    written_at: datetime | None = None


class ChannelStates:
    """The states of the accounts that this process serves. Meets `connectors.intake.IntakeMeter`, passing it on."""

    def __init__(
        self, *, meter: IntakeMeter, board: Board, metrics: ChannelMetrics, clock: Callable[[], datetime]
    ) -> None:
        self._meter = meter
        self._board = board
        self._metrics = metrics
        self._clock = clock
        self._channels: dict[str, str] = {}
        self._known: dict[str, _Known] = {}
        self._holders: dict[str, UUID] = {}

    def serve(self, account: Account, state: State) -> None:
        """Say that this process serves the account, and how."""
        self._channels[account.name] = account.channel
        self._change(account.name, state, "")

    def claim(self, account: Account, holder: UUID) -> None:
        """Say by whose turn this process serves the account: what it says counts only while the turn lasts."""
        self._holders[account.name] = holder

    def forget(self, account: Account) -> None:
        """Say that another process serves it."""
        self._known.pop(account.name, None)
        self._holders.pop(account.name, None)
        self._metrics.trouble(account.name, on=False)
        self._board.calm(f"channel {account.name}")

    def trouble(self, account: Account, problem: str) -> None:
        """Name what is wrong; the account's state is trouble until `serve` is called again."""
        self._channels[account.name] = account.channel
        known = self._known.get(account.name)
        if known is None or known.problem != problem:
            _log.warning("channel in trouble", account=account.name, problem=problem)
        self._change(account.name, "trouble", problem)

    def accepted(self, *, account: str, kind: Kind) -> None:
        """Note the time of a stored delivery."""
        known = self._known.get(account)
        if known is not None:
            self._known[account] = replace(known, delivered_at=self._clock(), written_at=None)
        self._meter.accepted(account=account, kind=kind)

    def later(self, *, account: str) -> None:
        """Count a delivery that the platform shall bring again."""
        self._meter.later(account=account)

    def parser_failed(self, *, account: str) -> None:
        """Count a delivery on which the parser failed unexpectedly."""
        self._meter.parser_failed(account=account)

    def took(self, seconds: float) -> None:
        """Measure one accept."""
        self._meter.took(seconds)

    async def run(self, pool: Pool) -> None:
        """Write what has changed until cancelled; a store that does not answer is asked again."""
        while True:
            await asyncio.sleep(WRITE_EVERY)
            await self.write(pool)

    async def write(self, pool: Pool) -> None:
        """Write what has changed, or was last written long ago."""
        now = self._clock()
        due = {n: k for n, k in self._known.items() if k.written_at is None or now - k.written_at > SAY_AGAIN}
        if not due:
            return
        try:
            await write_states(pool, [self._row(name, known, now) for name, known in due.items()])
        except STORE_ERRORS as error:
            _log.warning("channel states not written", error=type(error).__name__)
            return
        self._written(due, now)

    def _written(self, rows: Mapping[str, _Known], now: datetime) -> None:
        for name, known in rows.items():
            if self._known.get(name) is known:  # else it has changed meanwhile
                self._known[name] = replace(known, written_at=now)

    def _row(self, name: str, known: _Known, now: datetime) -> ChannelState:
        return ChannelState(
            account=name,
            channel=self._channels[name],
            state=known.state,
            problem=known.problem,
            since=known.since,
            delivered_at=known.delivered_at,
            seen_at=now,
            holder=self._holders.get(name),
        )

    def _change(self, name: str, state: State, problem: str) -> None:
        known = self._known.get(name)
        if known is not None and (known.state, known.problem) == (state, problem):
            return
        since = known.since if known is not None and known.state == state else self._clock()
        delivered = known.delivered_at if known is not None else None
        self._known[name] = _Known(state=state, since=since, problem=problem, delivered_at=delivered)
        self._metrics.trouble(name, on=state == "trouble")
        if state == "trouble":
            self._board.warn(f"channel {name}", problem)
        else:
            self._board.calm(f"channel {name}")
