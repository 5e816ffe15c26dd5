"""A TCP proxy that a test can cut: `python -m fault_proxy PORT SWITCH TARGET`, a process of its own.

While the file SWITCH stands, every connection is reset and none is taken. Stopped by a signal, the proxy is a network
that says nothing. TARGET is `tcp:HOST:PORT`, or `postgres:FOLDER` for the socket of the server in that data folder.
"""

import asyncio
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from socket import create_connection
from typing import Final

from doubles.ports import free_port

LOOK_EVERY: Final = 0.01
PIECE: Final = 65_536
START_SECONDS: Final = 20.0
SOCKET_LINE: Final = 4
"""Line of `postmaster.pid` in which the folder of the socket stands."""


class Proxy:
    """A proxy in a process of its own, as a test holds it."""

    def __init__(self, *, folder: Path, name: str, target: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._switch = folder / f"cut-{name}"
        command = [sys.executable, "-m", "fault_proxy", str(self.port), str(self._switch), target]
        self._process = subprocess.Popen(command, cwd=Path(__file__).parent)
        give_up = time.monotonic() + START_SECONDS
        while not self._listens():
            assert time.monotonic() < give_up, f"the proxy {name} does not listen"
            time.sleep(0.02)

    def _listens(self) -> bool:
        try:
            create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    @property
    def pid(self) -> int:
        """The process that is stopped for a network that says nothing."""
        return self._process.pid

    def cut(self) -> None:
        """Reset every connection, and refuse new ones until `mend`."""
        self._switch.touch()

    def mend(self) -> None:
        """Take connections again."""
        self._switch.unlink(missing_ok=True)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until either end is gone."""
    with suppress(OSError):
        while piece := await reader.read(PIECE):
            writer.write(piece)
            await writer.drain()
    with suppress(OSError):
        writer.close()


async def dial(target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to what stands behind the proxy."""
    kind, _, rest = target.partition(":")
    if kind == "tcp":
        host, _, port = rest.rpartition(":")
        return await asyncio.open_connection(host, int(port))
    lines = (Path(rest) / "postmaster.pid").read_text().splitlines()
    return await asyncio.open_unix_connection(f"{lines[SOCKET_LINE]}/.s.PGSQL.{lines[SOCKET_LINE - 1]}")


async def serve(port: int, switch: Path, target: str) -> None:
    """Serve for ever; look at the switch all the time."""
    ends: set[asyncio.StreamWriter] = set()

    async def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await dial(target)
        except (OSError, IndexError):
            writer.transport.abort()
            return
        both = {writer, far_writer}
        ends.update(both)
        await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
        ends.difference_update(both)

    server: asyncio.Server | None = None
    while True:
        if switch.exists() and server is not None:
            server.close()
            server = None
            for end in tuple(ends):
                end.transport.abort()
        elif not switch.exists() and server is None:
            with suppress(OSError):
                server = await asyncio.start_server(come, "127.0.0.1", port)
        await asyncio.sleep(LOOK_EVERY)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]))
