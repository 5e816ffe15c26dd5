"""Children that are forked before the supervisor begins, and wait until it lets them go on.

Importing everything costs an interpreter more than a second of processor and 50 MB. A process that is forked has it
for nothing, and shares the memory until it writes to it. So the children's first lives are forked, while there is one
thread and no event loop; only then is a fork safe (fork(2): other threads are gone in the child, with the locks that
they hold). Each waits for one octet on its socket, since the supervisor has PostgreSQL to start first, and ends when
the supervisor does. Where there is no pidfd_open(2) (not Linux) nothing is forked, and each child is a new interpreter.
"""

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol

from setproctitle import setproctitle

GO: Final = b"\n"
STANDARD_ERROR: Final = 2
MOST_FILES: Final = 65_536
"""Descriptors that are closed in a child, unless the limit is higher; it may also be none at all."""
UNKNOWN: Final = 255
"""Exit code of a child whose own nobody could hear."""


class Spec(Protocol):
    """What is known of a child; see `daemon.supervisor.ChildSpec`."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def run(self) -> Callable[[int], None]:
        """What it does, given the number of its socket to the supervisor."""
        ...


class Forked:
    """The supervisor's side of a child that was forked. Close to `asyncio.subprocess.Process` in what it offers."""

    def __init__(self, *, pid: int, sock: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._sock = sock
        self._fd = os.pidfd_open(pid)
        self._ended: asyncio.Future[int] | None = None

    def go(self) -> socket.socket:
        """Let it go on, and give the socket on which it reports. Call it once."""
        with suppress(OSError):  # it has ended, as `wait` will tell
            self._sock.send(GO)
        return self._sock

    async def wait(self) -> int:
        """Give its exit code once it has ended (negative: the signal that ended it)."""
        if self._ended is None:
            loop = asyncio.get_running_loop()
            self._ended = loop.create_future()
            loop.add_reader(self._fd, self._reap, loop, self._ended)
        return await asyncio.shield(self._ended)

    def send_signal(self, number: int) -> None:
        """Send a signal; `ProcessLookupError` when it has ended. Never reaches a later process of the same number."""
        signal.pidfd_send_signal(self._fd, number)

    def _reap(self, loop: asyncio.AbstractEventLoop, ended: "asyncio.Future[int]") -> None:
        loop.remove_reader(self._fd)
        self.returncode = UNKNOWN
        with suppress(ChildProcessError):  # somebody else has asked, or nobody may
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        ended.set_result(self.returncode)


def fork_ahead(specs: Sequence[Spec]) -> Mapping[str, Forked]:
    """Fork a process for each, by name; none where that is not safe. In a child, run it and raise `SystemExit`."""
    if not hasattr(os, "pidfd_open") or threading.active_count() > 1:
        return {}
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, as some starters leave it, no child would be heard of
    _open_standard_files()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    gc.collect()
    gc.freeze()  # what is collected writes to its pages, and a page that is written to is shared no more
    forked: dict[str, Forked] = {}
    for spec in specs:
        near, far = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            _live(spec, far.detach())
        far.close()
        forked[spec.name] = Forked(pid=pid, sock=near)
    return forked


def show_as(role: str, name: str) -> None:
    """Let `ps` and `top` show what this process of the daemon does."""
    setproctitle(f"switchboard run {role}" if name == role else f"switchboard run {role} --name {name}")


def _open_standard_files() -> None:
    """Open what was closed of standard input, output and error: a socket in their place would be taken for them."""
    while (file := os.open(os.devnull, os.O_RDWR)) <= STANDARD_ERROR:
        os.set_inheritable(file, True)  # noqa: FBT003 - the only parameter there is
    os.close(file)


def _live(spec: Spec, link: int) -> None:
    """Be the child, from here to the end of the process.

    It keeps nothing of the supervisor's but its outputs, as a new interpreter would: a socket of the supervisor's that
    stayed open here would hide the supervisor's end, and a lock of whoever started it would outlive it.
    """
    os.setsid()
    os.closerange(STANDARD_ERROR + 1, link)
    os.closerange(link + 1, max(MOST_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if os.read(link, len(GO)):
        spec.run(link)
    raise SystemExit(0)
