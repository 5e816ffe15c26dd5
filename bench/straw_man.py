"""The same HTTP server with nothing behind it: reads a request and says 200. The yardstick of the webhook bench.

python bench/straw_man.py          prints its port, and serves until its standard input ends
"""

import asyncio
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any, Final

import uvloop

from daemon.web import WebServer

HERE: Final = Path(__file__)
PATIENCE: Final = 20.0
Message = MutableMapping[str, Any]


async def answer(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[..., Awaitable[None]]
) -> None:
    """Read the whole body, and say yes."""
    del scope
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
    await send({"type": "http.response.body", "body": b"ok\n"})


@contextmanager
def running_straw_man() -> Iterator[tuple[int, int]]:
    """Run one in a process of its own; give its port and its process number."""
    with Popen([sys.executable, str(HERE)], stdin=PIPE, stdout=PIPE, text=True, cwd=HERE.parents[1]) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the straw man has no pipes")
        yield int(process.stdout.readline()), process.pid
        process.stdin.close()
        process.wait(timeout=PATIENCE)


async def serve() -> None:
    """Listen on a free port until standard input ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    async with WebServer(app=answer, host="127.0.0.1", port=port, backlog=1024):
        print(port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    uvloop.run(serve())
