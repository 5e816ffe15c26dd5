"""Keeps child processes running: starts, listens to their reports, starts again with growing pauses, stops in time."""

import asyncio
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from daemon.forked import Forked
from daemon.health import CHILD, STARTING, STOPPING, Clock, Report, Trouble
from daemon.link import reports

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
HEALTHY_AFTER: Final = 20.0
"""Seconds; a child that lived as long did not die of its start, so the next pause is short again."""
SILENT_AFTER: Final = 10.0
"""Seconds without a report, after which a child counts as stuck."""
GRACE: Final = 8.5
"""Seconds a child has after SIGTERM; then it is killed, so that all are gone within 10 s."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildSpec:
    """A child: its name in logs and metrics, and its command line without the number of the inherited socket.

    `run` does the same in a process that was forked, given that number.
    """

    name: str
    command: Sequence[str]
    run: Callable[[int], None]


class Child:
    """One child over all its lives."""

    def __init__(
        self, *, spec: ChildSpec, clock: Clock, heard: Callable[[Report], None], forked: Forked | None = None
    ) -> None:
        self._spec = spec
        self._forked = forked
        self._clock = clock
        self._heard = heard
        self._process: asyncio.subprocess.Process | Forked | None = None
        self._trouble = Trouble(reason=STARTING, detail="not started yet", since=clock())
        self._report: Report | None = None
        self._heard_at = clock()
        self._stopping = asyncio.Event()
        self.restarts = 0

    @property
    def name(self) -> str:
        """The child's name."""
        return self._spec.name

    @property
    def pid(self) -> int | None:
        """Its process now; None between two lives."""
        return self._process.pid if self._process and self._process.returncode is None else None

    def report(self) -> Report:
        """Give what is known of it: its own last words while it lives and speaks."""
        silent = (self._clock() - self._heard_at).total_seconds()
        if self._report is None:
            return Report(process=self.name, troubles=(self._trouble,))
        if silent > SILENT_AFTER:
            stuck = Trouble(reason=CHILD, detail=f"{self.name} says nothing", since=self._heard_at)
            return Report(process=self.name, troubles=(stuck,))
        return self._report

    async def keep(self) -> None:
        """Run it until `stop`, starting it again whenever it ends."""
        pause = FIRST_PAUSE
        while not self._stopping.is_set():
            began = self._clock()
            code = await self._live()
            if self._stopping.is_set():
                return
            lived = (self._clock() - began).total_seconds()
            pause = FIRST_PAUSE if lived > HEALTHY_AFTER else min(pause * 2, LONGEST_PAUSE)
            self._down(code, pause)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
            self.restarts += 1

    async def stop(self, grace: float = GRACE) -> None:
        """Ask it to stop; kill it when it does not in `grace` seconds."""
        self._stopping.set()
        self._trouble = Trouble(reason=STOPPING, since=self._clock())
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            _log.warning("child killed", child=self.name, after_seconds=grace)
            self.kill()
            await process.wait()

    def kill(self) -> None:
        """End it at once."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _live(self) -> int:
        """Run it once; give its exit code (negative: the signal that ended it)."""
        process, ours = await self._begin()
        self._process = process
        _log.info("child started", child=self.name, pid=process.pid)
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        listening = asyncio.create_task(self._listen(ours))
        try:
            return await process.wait()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            self._report = None

    async def _begin(self) -> tuple[asyncio.subprocess.Process | Forked, socket.socket]:
        """Let the one that was forked for the first life go on; every later life is a new interpreter."""
        forked, self._forked = self._forked, None
        if forked is not None:
            return forked, forked.go()
        ours, theirs = socket.socketpair()
        with theirs:
            command = (*self._spec.command, "--link", str(theirs.fileno()))
            process = await asyncio.create_subprocess_exec(
                *command, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, start_new_session=True
            )
        return process, ours

    async def _listen(self, sock: socket.socket) -> None:
        async for report in reports(sock):
            self._report, self._heard_at = report, self._clock()
            self._heard(report)

    def _down(self, code: int, pause: float) -> None:
        detail = f"{self.name} ended ({_ending(code)}); started again in {pause:g} s"
        self._trouble = Trouble(reason=CHILD, detail=detail, since=self._clock())
        _log.error("child ended", child=self.name, ending=_ending(code), again_in_seconds=pause)


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


class Supervisor:
    """Several children together."""

    def __init__(
        self,
        *,
        specs: Sequence[ChildSpec],
        clock: Clock,
        heard: Callable[[Report], None],
        forked: Mapping[str, Forked] | None = None,
    ) -> None:
        first = forked or {}
        self.children = [Child(spec=spec, clock=clock, heard=heard, forked=first.get(spec.name)) for spec in specs]

    async def run(self, stop: asyncio.Event, kill: asyncio.Event) -> None:
        """Keep all running until `stop`; then stop all, at once when `kill` is set."""
        tasks = [asyncio.create_task(child.keep(), name=child.name) for child in self.children]
        await stop.wait()
        ending = asyncio.ensure_future(self._stop())
        impatient = asyncio.create_task(kill.wait())
        await asyncio.wait([ending, impatient], return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            for child in self.children:
                child.kill()
        impatient.cancel()
        await asyncio.gather(ending, *tasks)

    async def _stop(self) -> None:
        await asyncio.gather(*(child.stop() for child in self.children))

    def reports(self) -> Mapping[str, Report]:
        """Give the state of every child by name."""
        return {child.name: child.report() for child in self.children}
