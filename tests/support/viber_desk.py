"""A running daemon with a Viber bot, and Viber on loopback that calls it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from running_daemon import RunningDaemon, running_daemon

from doubles.ports import free_port
from doubles.viber import ViberDouble, viber_double

TOKEN = "4453b6ac12345678-invented-key-7b1"


@contextmanager
def viber_desk(**more: str) -> Iterator[tuple[RunningDaemon, ViberDouble]]:
    """Start both; the daemon registers itself."""
    port = free_port()
    with viber_double(TOKEN) as viber:
        settings = {
            "SWITCHBOARD_INTAKE__PORT": str(port),
            "SWITCHBOARD_INTAKE__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "SWITCHBOARD_ACCOUNTS__STORE__CHANNEL": "viber",
            "SWITCHBOARD_ACCOUNTS__STORE__TOKEN": TOKEN,
            "SWITCHBOARD_ACCOUNTS__STORE__BASE_URL": viber.base_url,
            "SWITCHBOARD_OUTBOUND__LEASE_SECONDS": "5",
            **more,
        }
        with running_daemon(settings) as daemon:
            daemon.wait_until(lambda: bool(viber.webhook), seconds=30, what="registered at Viber")
            yield daemon, viber


def tickets(daemon: RunningDaemon, count: int) -> list[dict[str, Any]]:
    """Wait for so many tickets of the bot."""
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [one for one in daemon.json("tickets", "list") if one["channel"] == "viber"]
        return len(found) >= count

    daemon.wait_until(there, seconds=60, what=f"{count} tickets", every=0.3)
    return found
