"""Polls the platforms that do not call us: one process of the deployment an account, each account by itself.

The session that holds the turns is looked at every two seconds. When it is gone, polling stops here before it can have
begun elsewhere for long; what is stored twice meanwhile drops as a duplicate.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

import psycopg
import structlog

from connectors.base import Delivery, LaterError, Poll
from connectors.intake import trace
from daemon.account_intake import AccountIntake
from daemon.adapters import STORE_ERRORS
from ticket_store.cursors import TurnLostError, Turns

TURN_EVERY: Final = 2.0
"""Seconds between two looks at the session, and at turns that another process has."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 60.0
SILENT_AFTER: Final = 120.0
"""Seconds without a word of the poller after which an account is in trouble: a hung connection tells nothing by itself.

A poller that names its trouble knows better what is wrong, and is left to it.
"""

_log = structlog.get_logger(__name__)


class AccountPollDesk:
    """What one account's poller has of the daemon (`connectors.base.PollDesk`)."""

    def __init__(self, *, intake: AccountIntake, turns: Turns, clock: Callable[[], datetime]) -> None:
        self._intake = intake
        self._turns = turns
        self._clock = clock
        self.well_at: float | None = None
        self.heard_at: float | None = None
        self._is_over = False

    def end(self) -> None:
        """Hear no more of this poller: its turn is over, or it is begun anew with another desk."""
        self._is_over = True

    def now(self) -> datetime:
        """Tell the time."""
        return self._clock()

    async def accept(self, deliveries: Sequence[Delivery]) -> None:
        """Store them all."""
        self._check_turn()
        if deliveries:
            await self._intake.accept(deliveries)

    async def load_cursor(self) -> Mapping[str, Any]:
        """Read where the account stands."""
        self._check_turn()
        try:
            return await self._turns.load(self._intake.account.name)
        except STORE_ERRORS as error:
            raise LaterError(f"the cursor cannot be read: {type(error).__name__}") from error

    async def save_cursor(self, cursor: Mapping[str, Any]) -> None:
        """Keep where the account stands."""
        self._check_turn()
        try:
            await self._turns.save(self._intake.account.name, cursor, at=self._clock())
        except STORE_ERRORS as error:
            raise LaterError(f"the cursor cannot be kept: {type(error).__name__}") from error

    def well(self) -> None:
        """Note a finished round."""
        if self._is_over:
            return
        self.well_at = self.heard_at = asyncio.get_running_loop().time()
        self._intake.metrics.round(self._intake.account.name)
        self._intake.states.serve(self._intake.account, "polling")

    def trouble(self, problem: str) -> None:
        """Say what is wrong."""
        self.heard_at = asyncio.get_running_loop().time()
        self.tell(problem)

    def tell(self, problem: str) -> None:
        """Say what is wrong, as somebody else than the poller sees it."""
        if not self._is_over:
            self._intake.states.trouble(self._intake.account, problem)

    def _check_turn(self) -> None:
        if self._is_over:
            raise TurnLostError(self._intake.account.name)


class Pollers:
    """Keeps every account's poller running while this process has its turn."""

    def __init__(
        self,
        *,
        connectors: Mapping[str, Poll],
        intakes: Mapping[str, AccountIntake],
        turns: Turns,
        clock: Callable[[], datetime],
    ) -> None:
        self._connectors = connectors
        self._intakes = intakes
        self._turns = turns
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Poll until cancelled. A store that does not answer stops all pollers, until it does."""
        try:
            while True:
                try:
                    await self._turns.open()
                    await self._keep()
                except (*STORE_ERRORS, psycopg.Error) as error:
                    _log.warning("turns lost; polling stops", error=type(error).__name__)
                except Exception as error:  # noqa: BLE001 - a fault of ours must not end all polling unseen
                    _log.error("polling failed", error=type(error).__name__, trace=trace(error))
                await self._stop()
                await asyncio.sleep(FIRST_PAUSE)
        finally:
            await self._stop()

    async def _keep(self) -> None:
        while True:
            await self._turns.check()
            for name, connector in self._connectors.items():
                if name not in self._running and await self._turns.take(name):
                    self._running[name] = asyncio.create_task(self._supervise(name, connector), name=f"poll {name}")
            for name in [name for name, task in self._running.items() if task.done()]:
                del self._running[name]
                self._intakes[name].states.forget(self._intakes[name].account)
                await self._turns.leave(name)
            await asyncio.sleep(TURN_EVERY)

    async def _stop(self) -> None:
        """Stop every poller, and only then let the turns go."""
        running, self._running = self._running, {}
        for task in running.values():
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)
        for name in running:
            self._intakes[name].states.forget(self._intakes[name].account)
        await self._turns.close()

    async def _supervise(self, name: str, connector: Poll) -> None:
        """Run one poller again and again, with a pause that grows until a round ends well; ends with the turn."""
        intake = self._intakes[name]
        intake.states.claim(intake.account, self._turns.holder)
        intake.states.serve(intake.account, "starting")
        pause = FIRST_PAUSE
        while True:
            desk = AccountPollDesk(intake=intake, turns=self._turns, clock=self._clock)
            try:
                problem = await self._attempt(name, connector, desk)
                if problem is None:
                    return
                desk.trouble(problem)
            finally:
                desk.end()
            pause = FIRST_PAUSE if desk.well_at is not None else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause)

    async def _attempt(self, name: str, connector: Poll, desk: AccountPollDesk) -> str | None:
        """Run one poller to its end; give what ended it, None when the turn is lost."""
        try:
            await self._watched(connector, desk)
        except TurnLostError:
            return None
        except LaterError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a platform's trouble or our fault: it is tried again
            _log.error("poller failed", account=name, error=type(error).__name__, trace=trace(error))
            return f"polling failed: {type(error).__name__}"
        return "the poller ended"

    async def _watched(self, connector: Poll, desk: AccountPollDesk) -> None:
        """Poll, and name the trouble while no round ends and the poller says nothing of it."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        task = asyncio.create_task(connector.poll(desk))
        try:
            while not task.done():
                await asyncio.wait([task], timeout=SILENT_AFTER / 4)
                if not task.done() and loop.time() - (desk.heard_at or began) > SILENT_AFTER:
                    desk.tell(f"no round has ended for {SILENT_AFTER:g} seconds")
            await task
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(task, return_exceptions=True)
