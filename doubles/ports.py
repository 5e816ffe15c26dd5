"""Ports of this machine that are free, and stay so until whoever asked listens on them."""

import socket
from contextlib import suppress
from secrets import SystemRandom
from typing import Final

RANGE: Final = range(20_000, 32_000)
"""Below those that systems give to outgoing connections by themselves (Linux: from 32,768): one of those that was free
a moment ago may be the near end of anybody's connection now."""


def free_ports(count: int) -> list[int]:
    """Give so many different ports of the loopback address that nobody holds now; `OSError` when there are not."""
    found: list[int] = []
    for port in SystemRandom().sample(RANGE, len(RANGE)):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"of the ports {RANGE.start} to {RANGE.stop - 1} no {count} are free")


def free_port() -> int:
    """Give one; see `free_ports`."""
    return free_ports(1)[0]
