"""What stands before several machines: it takes a connection and carries it to the first machine that answers."""

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from fault_proxy import carry

HOST: Final = "127.0.0.1"


class Balancer:
    """Listens on one port for several. Connections begin at each machine in turn; who does not answer is passed by."""

    def __init__(self, ports: Sequence[int]) -> None:
        self._ports = ports
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._come, HOST, 0, limit=2**20))
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections, and drop those that are open."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._turn += 1
        for number in range(len(self._ports)):
            with suppress(OSError):
                port = self._ports[(self._turn + number) % len(self._ports)]
                far_reader, far_writer = await asyncio.open_connection(HOST, port)
                await asyncio.gather(carry(reader, far_writer), carry(far_reader, writer))
                return
        writer.transport.abort()
