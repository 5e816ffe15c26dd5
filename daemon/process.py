"""What every working process of the daemon has: signals, reports to the supervisor or an HTTP port of its own."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, ProcessCollector

from daemon.clock import now
from daemon.health import STARTING, STOPPING, Board, Report, readiness
from daemon.heap import open_heap
from daemon.link import ChildLink
from daemon.metrics import ProcessMetrics, exposition
from daemon.settings import Settings

DEADLINE: Final = 9.5
"""Seconds from the first signal until the process is gone, whatever still runs."""
REPORT_EVERY: Final = 1.0

_log = structlog.get_logger(__name__)


class Process:
    """One working process: its name, its settings, its troubles, its metrics, and when to stop."""

    def __init__(self, *, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.stop = asyncio.Event()
        self.changed = asyncio.Event()
        self.board = Board(clock=now, changed=self.changed.set)
        self.registry = CollectorRegistry()
        self._metrics = ProcessMetrics(registry=self.registry)
        self._seen: set[str] = set()
        ProcessCollector(registry=self.registry)
        self.board.set(STARTING)

    def ready(self) -> None:
        """Say that the start is over."""
        self.board.clear(STARTING)
        _log.info("ready")

    def report(self) -> Report:
        """Say what is wrong, and everything that is counted."""
        troubles = tuple(self.board)
        self._metrics.ready.set(not troubles)
        self._metrics.trouble.clear()
        for trouble in troubles:
            self._metrics.trouble.labels(reason=trouble.reason).set(1)
            self._seen.add(trouble.reason)
        for reason in self._seen:
            self._metrics.outage.labels(of=reason).set(self.board.age(reason))
        metrics = exposition(self.registry)
        return Report(process=self.name, troubles=troubles, warnings=self.board.warnings, metrics=metrics)

    def metrics(self) -> str:
        """Give the exposition, up to date."""
        return self.report().metrics

    def readiness(self) -> tuple[bool, dict[str, object]]:
        """Give the answer for `/readyz`."""
        return readiness({self.name: self.report()})


Body = Callable[[Process], Awaitable[None]]
"""The work: ends soon after `process.stop` is set."""


async def serve(process: Process, body: Body, *, link_fd: int | None) -> None:
    """Run the body until it ends, a signal comes or the supervisor dies; report all the while."""
    install_signals(process.stop, at_once=lambda: os._exit(1))
    async with AsyncExitStack() as stack:
        if link_fd is None:
            from daemon.web import WebServer, make_app  # noqa: PLC0415 - half a second that a child need not spend

            http = process.settings.http
            app = make_app(readiness=process.readiness, metrics=process.metrics)
            await stack.enter_async_context(WebServer(app=app, host=http.host, port=http.port))
        else:
            link = await ChildLink.from_fd(link_fd)
            stack.callback(link.close)
            reporting = asyncio.create_task(_reporting(process, link))
            stack.callback(reporting.cancel)
            _when(link.ended(), process.stop, stack)
        guard = asyncio.create_task(_deadline(process))
        stack.callback(guard.cancel)
        if (heap := open_heap()) is not None:
            stack.callback(asyncio.create_task(heap.tend(), name="heap").cancel)
        await body(process)


def _when(over: Awaitable[None], stop: asyncio.Event, stack: AsyncExitStack) -> None:
    async def watch() -> None:
        await over
        if not stop.is_set():
            _log.warning("supervisor gone; stopping")
            stop.set()

    task = asyncio.create_task(watch())
    stack.callback(task.cancel)


async def _deadline(process: Process) -> None:
    """Leave after `DEADLINE` seconds of stopping: everything unfinished is retried by somebody."""
    await process.stop.wait()
    process.board.set(STOPPING)
    await asyncio.sleep(DEADLINE)
    _log.error("not finished in time; leaving", seconds=DEADLINE)
    os._exit(1)


async def _reporting(process: Process, link: ChildLink) -> None:
    while True:
        process.changed.clear()
        await link.send(process.report())
        try:
            await asyncio.wait_for(process.changed.wait(), REPORT_EVERY)
        except TimeoutError:
            continue


def install_signals(stop: asyncio.Event, at_once: Callable[[], None]) -> None:
    """Let the first SIGTERM, SIGINT or SIGHUP stop, and the second leave at once.

    A SIGHUP that was ignored from the start stays so: `nohup` asks to outlive the terminal.
    """
    loop = asyncio.get_running_loop()

    def heard(number: signal.Signals) -> None:
        if stop.is_set():
            at_once()
            return
        _log.info("stopping", signal=number.name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, heard, number)
