"""Runs the daemon: the supervisor with its children, or one role alone."""

import asyncio
import functools
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Final

import structlog
import uvloop
from prometheus_client import CollectorRegistry, ProcessCollector

from daemon import logs
from daemon.cli_options import loaded_settings
from daemon.clock import now
from daemon.console import console
from daemon.errors import UserError
from daemon.file_limit import raise_file_limit
from daemon.forked import Forked, fork_ahead, show_as
from daemon.gathered import Gathered
from daemon.health import POSTGRES, STARTING, Board, Report, readiness
from daemon.ingest import ingest
from daemon.metrics import ProcessMetrics, exposition
from daemon.one_daemon import only_one
from daemon.opened import fit_schema
from daemon.outbound import outbound
from daemon.ports import PATIENCE, Port, check_ports, ports_of
from daemon.preload import preload
from daemon.process import Body, Process, install_signals, serve
from daemon.route import route
from daemon.settings import Settings
from daemon.settings_load import Loaded
from daemon.supervisor import ChildSpec, Supervisor
from daemon.webhooks import webhooks
from daemon.wiring import database_url, postgres
from ticket_store.embedded import EmbeddedPostgres, EmbeddedPostgresError

LOOK_EVERY: Final = 0.5
"""Seconds between two looks at the embedded PostgreSQL."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
SETTLE: Final = 2.0
"""Seconds after PostgreSQL is back in which children notice and connect anew; readiness stays red meanwhile."""
READY_EVERY: Final = 0.2
"""Seconds between two looks whether everything is ready, until it is."""

NEXT: Final = (
    "write to one of the accounts, then `switchboard tickets list`; `switchboard channels` says how each account is, "
    "and `switchboard status` how all is"
)
"""What to try once everything is ready."""

BODIES: Final[Mapping[str, Body]] = {
    "ingest": ingest,
    "outbound": outbound,
    "webhooks": webhooks,
    "console": console,
}
"""What each role does, but `route`, which is told more."""

_log = structlog.get_logger(__name__)


def run_role(role: str, *, name: str, link_fd: int | None, jobs: bool) -> None:
    """Run one role in this process."""
    if link_fd is not None:
        show_as(role, name)
    loaded = _begin(name)
    body: Body = BODIES.get(role) or functools.partial(route, jobs=jobs)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            if link_fd is None and loaded.settings.store.embedded:
                server = postgres(loaded.settings)
                await _start_postgres(server)
                stack.push_async_callback(asyncio.to_thread, server.stop)
            if link_fd is None:
                await asyncio.to_thread(fit_schema, loaded.settings, database_url(loaded.settings))
            process = Process(name=name, settings=loaded.settings)
            await serve(process, body, link_fd=link_fd)

    uvloop.run(main())


def run_all(*, roles: Sequence[str], workers: int) -> None:
    """Run the supervisor and, under it, a process for each role (routers: `workers`)."""
    loaded = _begin("supervisor")
    for warning in loaded.warnings:
        _log.warning("settings", key=warning.key, reason=warning.reason)
    wanted = _wanted(roles, loaded.settings)
    specs = _specs(wanted, workers)
    preload(loaded.settings, wanted)
    forked = fork_ahead(specs)  # in a child this does not return
    uvloop.run(Daemon(settings=loaded.settings, roles=wanted, specs=specs, forked=forked).run())


def _begin(name: str) -> Loaded:
    loaded = loaded_settings()
    raise_file_limit()
    with suppress(OSError):
        _make_data_folder(loaded.settings.data_dir)
    logs.configure(level=loaded.settings.log.level, format_=loaded.settings.log.format, process=name)
    return loaded


def _make_data_folder(folder: Path) -> None:
    """Make the daemon's own folder closed to others. One that exists is left as its owner wants it."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)


def _wanted(roles: Sequence[str], settings: Settings) -> list[str]:
    """Give the roles that have something to do: without its port the console has not."""
    off = {"console": not settings.api.port, "webhooks": not settings.webhooks.connections}
    return [role for role in roles if not off.get(role)]


def _specs(roles: Sequence[str], workers: int) -> list[ChildSpec]:
    """Give the children; each is this command line again, with a role of its own."""
    specs = [_spec("ingest", name="ingest")] if "ingest" in roles else []
    specs.extend(_spec("route", name=f"route-{number}", jobs=number == 0) for number in range(workers))
    return [*specs, *(_spec(role, name=role) for role in ("outbound", "webhooks", "console") if role in roles)]


def _spec(role: str, *, name: str, jobs: bool = True) -> ChildSpec:
    command = [sys.executable, "-m", "daemon", "run", role, "--name", name, "--jobs" if jobs else "--no-jobs"]
    return ChildSpec(
        name=name, command=command, run=lambda link_fd: run_role(role, name=name, link_fd=link_fd, jobs=jobs)
    )


class Daemon:
    """The supervisor process: PostgreSQL, children, HTTP."""

    def __init__(
        self, *, settings: Settings, roles: Sequence[str], specs: Sequence[ChildSpec], forked: Mapping[str, Forked]
    ) -> None:
        self._settings = settings
        self._roles = roles
        self._stop = asyncio.Event()
        self._kill = asyncio.Event()
        self._board = Board(clock=now)
        self._board.set(STARTING)
        self._gathered = Gathered()
        self._registry = CollectorRegistry()
        self._metrics = ProcessMetrics(registry=self._registry)
        ProcessCollector(registry=self._registry)
        self._all = CollectorRegistry()
        self._all.register(self._gathered)
        self._restarts: dict[str, int] = {}
        self._supervisor = Supervisor(specs=specs, clock=now, heard=self._heard, forked=forked)

    async def run(self) -> None:
        """Run until told to stop. Children go first, PostgreSQL last."""
        install_signals(self._stop, at_once=self._leave)
        async with AsyncExitStack() as stack:
            was_killed = await stack.enter_async_context(only_one(self._settings.data_dir))
            ports = await ports_of(self._settings, self._roles)
            await check_ports(ports, patience=PATIENCE if was_killed else 0, stop=self._stop)
            if self._stop.is_set():
                return
            await self._serve_http(stack)
            if self._settings.store.embedded:
                await self._keep_postgres(stack)
            await asyncio.to_thread(fit_schema, self._settings, database_url(self._settings))
            self._board.clear(STARTING)
            stack.callback(asyncio.create_task(self._announce(ports), name="announce").cancel)
            await self._supervisor.run(self._stop, self._kill)
        _log.info("stopped")

    def _leave(self) -> None:
        """End at once. While PostgreSQL starts, which may take minutes, a thread waits for it that nobody can stop."""
        self._kill.set()
        if self._board.age(STARTING):
            os._exit(1)  # the waiting children end by themselves, and the next start adopts PostgreSQL

    def readiness(self) -> tuple[bool, dict[str, object]]:
        """Give the answer for `/readyz`: our own troubles and those of every child."""
        own = Report(process="supervisor", troubles=tuple(self._board))
        return readiness({"supervisor": own, **self._supervisor.reports()})

    def metrics(self) -> str:
        """Give the exposition of this process and of all children."""
        ready, _ = self.readiness()
        self._metrics.ready.set(ready)
        for child in self._supervisor.children:
            new = child.restarts - self._restarts.get(child.name, 0)
            self._metrics.restarts.labels(of=child.name).inc(new)
            self._restarts[child.name] = child.restarts
        self._gathered.put("supervisor", exposition(self._registry))
        return exposition(self._all)

    def _heard(self, report: Report) -> None:
        self._gathered.put(report.process, report.metrics)

    async def _serve_http(self, stack: AsyncExitStack) -> None:
        from daemon.web import WebServer, make_app  # noqa: PLC0415 - half a second that the children need not spend

        http = self._settings.http
        app = make_app(readiness=self.readiness, metrics=self.metrics)
        await stack.enter_async_context(WebServer(app=app, host=http.host, port=http.port))

    async def _keep_postgres(self, stack: AsyncExitStack) -> None:
        server = postgres(self._settings)
        await _start_postgres(server)
        stack.push_async_callback(asyncio.to_thread, server.stop)
        watch = asyncio.create_task(self._watch_postgres(server), name="postgres")
        stack.callback(watch.cancel)

    async def _watch_postgres(self, server: EmbeddedPostgres) -> None:
        """Start PostgreSQL again whenever it is gone, with growing pauses; the rest says "later" meanwhile."""
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(LOOK_EVERY)
            if server.pid is not None or self._stop.is_set():
                continue
            _log.error("PostgreSQL is gone; starting it again")
            self._board.set(POSTGRES, "the embedded PostgreSQL was gone and is being started")
            try:
                await asyncio.to_thread(server.start)
            except EmbeddedPostgresError as error:
                _log.error("PostgreSQL does not start", again_in_seconds=pause, reason=str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                pause = FIRST_PAUSE
                await asyncio.sleep(SETTLE)
                self._board.clear(POSTGRES)

    async def _announce(self, ports: Sequence[Port]) -> None:
        """Say once that everything is ready, where it listens, and what to try."""
        while not self.readiness()[0]:  # noqa: ASYNC110 - what is waited for is in other processes
            await asyncio.sleep(READY_EVERY)
        _log.info(
            "everything is ready",
            **{port.key.partition(".")[0]: port.shown for port in ports},
            data=str(self._settings.data_dir),
            accounts=sorted(self._settings.accounts),
            next=NEXT,
        )


async def _start_postgres(server: EmbeddedPostgres) -> None:
    try:
        await asyncio.to_thread(server.start)
    except EmbeddedPostgresError as error:
        raise UserError(f"the embedded PostgreSQL: {error}") from error
