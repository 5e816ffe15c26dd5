"""The daemon with points at which a test can hold it: `python -m faulted` in place of `python -m daemon`.

Nothing of this is shipped, and no variable arms the shipped program: this entry point wraps methods of the real one
(`fault_points`), may swap some for wrong ones (`fault_sabotage`), and then runs the real command line. The test and the
processes speak by files in `FAULTED_FOLDER`:

    <point>@<process>.armed       whoever comes to the point is held there as long as the file stands
    held/<point>@<process>@...    one file for each delivery, batch or round that is held now
    sabotage-<switch>             the wrong way is taken while the file stands
    clock                         seconds by which the processes' clock goes wrong
    no-names                      no name is resolved while the file stands
    first-life@<process>          number of the process that was forked for this child's first life

Children are forked for their first lives, as in service; each then bends itself (`_bend`), and only itself. The lives
after that are interpreters of their own, which begin here.

Some limits are lower than in service, so that a cell lasts seconds: the lease of a router (`LEASE`), the pause before a
child that died young is started again, the free bytes that intake wants (`ROOM`). `FAULTED_PORTS` sends a process to
PostgreSQL through a proxy.
"""

import json
import os
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import fault_points
import fault_sabotage
import uvloop
from psycopg.conninfo import make_conninfo

LEASE: Final = 3.0
"""Seconds after which a silent router loses its partitions; ten in service."""
ROOM: Final = 1024 * 1024
"""Free bytes under which intake says "later"; a gigabyte in service."""


def process_name(arguments: Sequence[str]) -> str:
    """Give the name of the process that a command line runs."""
    if "--name" in arguments:
        return arguments[arguments.index("--name") + 1]
    return arguments[1] if "run" in arguments and len(arguments) > 1 else "other"


def first_life_mark(name: str) -> str:
    """Give the name of the file in which a child that was forked leaves its process number."""
    return f"first-life@{name}"


def main() -> None:
    """Bend what is to be bent, and run the command line."""
    folder = Path(os.environ["FAULTED_FOLDER"])
    name = process_name(sys.argv[1:])
    _own_clock(folder)
    _own_names(folder)
    if name == "all":
        _children_like_us(folder)
    else:
        _bend(folder, name)
    from daemon.cli import main as real  # noqa: PLC0415 - only now, when everything is in its place

    real()


def _bend(folder: Path, name: str) -> None:
    """Bend what one child is, whichever way it began; what it inherits of the supervisor is as it is in service."""
    role = name.partition("-")[0]
    _through_proxy(role)
    _short_lease()
    _little_room()
    fault_points.wrap(fault_points.Gate(folder=folder, process=name), role=role)
    fault_sabotage.swap(folder, role=role)


def _own_clock(folder: Path) -> None:
    """Let the one clock of the daemon go wrong by what the file says; before any module has taken it."""
    from daemon import clock  # noqa: PLC0415 - the first module of the daemon, on purpose

    real = clock.now

    def now() -> datetime:
        try:
            return real() + timedelta(seconds=float((folder / "clock").read_text()))
        except (OSError, ValueError):
            return real()

    clock.now = now


def _own_names(folder: Path) -> None:
    real = socket.getaddrinfo

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        if (folder / "no-names").exists():
            raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")
        return real(host, *rest, **more)

    socket.getaddrinfo = resolve
    for name in ("getaddrinfo", "create_connection"):
        setattr(uvloop.Loop, name, _unless_unnamed(getattr(uvloop.Loop, name), folder / "no-names"))


def _unless_unnamed(real: Callable[..., Awaitable[Any]], switch: Path) -> Callable[..., Awaitable[Any]]:
    """Resolve no name; the loop asks the system by itself, and not by Python's function."""

    async def asked(loop: Any, *given: Any, **more: Any) -> Any:
        if switch.exists():
            raise socket.gaierror(socket.EAI_AGAIN, "temporary failure in name resolution")
        return await real(loop, *given, **more)

    return asked


def _children_like_us(folder: Path) -> None:
    """Bend each child: in its first life once it is forked, later by this entry point; it begins again at once."""
    from daemon import run, supervisor  # noqa: PLC0415 - behind the clock

    real = run._specs
    supervisor.HEALTHY_AFTER = 0.0  # type: ignore[misc] # a test's own process has no time for long pauses

    def bent(spec: supervisor.ChildSpec) -> supervisor.ChildSpec:
        def first_life(link_fd: int) -> None:
            _bend(folder, spec.name)
            (folder / first_life_mark(spec.name)).write_text(str(os.getpid()))
            spec.run(link_fd)

        return replace(spec, command=[*spec.command[:2], "faulted", *spec.command[3:]], run=first_life)

    run._specs = lambda roles, workers: [bent(spec) for spec in real(roles, workers)]


def _through_proxy(role: str) -> None:
    port = json.loads(os.environ.get("FAULTED_PORTS", "{}")).get(role)
    if port is None:
        return
    from ticket_store import embedded  # noqa: PLC0415 - behind the clock
    from ticket_store.embedded_cluster import SUPERUSER  # noqa: PLC0415 - behind the clock

    def url(_: embedded.EmbeddedPostgres, database: str = embedded.DATABASE) -> str:
        return make_conninfo(host="localhost", port=port, user=SUPERUSER, dbname=database)

    setattr(embedded.EmbeddedPostgres, "url", url)  # noqa: B010 - a plain assignment has types that do not fit


def _little_room() -> None:
    """Close the door only when a disk is full to a megabyte: a full disk shall be met, and the door then be closed."""
    from daemon.door import Gate  # noqa: PLC0415 - behind the clock

    least = {"min_free_bytes": ROOM, "min_free_share": 0.0}
    Gate.__init__.__kwdefaults__ = {**(Gate.__init__.__kwdefaults__ or {}), **least}


def _short_lease() -> None:
    from bus.postgres import PostgresLog  # noqa: PLC0415 - behind the clock

    PostgresLog.__init__.__kwdefaults__ = {**(PostgresLog.__init__.__kwdefaults__ or {}), "lease": LEASE}


if __name__ == "__main__":
    main()
