"""A stock aiosmtpd that throws every mail away: the yardstick that runs beside Switchboard on the same mails.

    python bench/sink.py          prints its port, and serves until its standard input ends

Nothing is tuned and nothing is kept, so a ratio to it says what the rest of the way costs, on whatever machine.
"""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

HERE: Final = Path(__file__)


class Discard:
    """Says 250 and forgets."""

    async def handle_DATA(  # noqa: N802 - aiosmtpd finds it by this name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Take a whole mail."""
        del server, session, envelope
        return "250 OK"


@contextmanager
def running_sink() -> Iterator[int]:
    """Run a sink in a process of its own and give its port."""
    with Popen([sys.executable, str(HERE)], stdin=PIPE, stdout=PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("the sink has no pipes")
        yield int(process.stdout.readline())
        process.stdin.close()
        process.wait(timeout=10)


async def serve() -> None:
    """Listen on a port that the system chooses, until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Discard(), hostname="sink.example", loop=loop), host="127.0.0.1")
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
