"""What the listener counts, for whoever keeps metrics."""

from typing import Protocol


class SmtpMeter(Protocol):
    """What the listener counts. Satisfied in `daemon/wiring.py`."""

    def connection(self, change: int) -> None:
        """Count a connection that opened (1) or closed (-1)."""

    def reply(self, code: str) -> None:
        """Count a reply by its three digits."""


class Unmetered:
    """Counts nothing."""

    def connection(self, change: int) -> None:
        """Count nothing."""

    def reply(self, code: str) -> None:
        """Count nothing."""
