"""The shared intake as one account has it: bounded, so that a flood on one platform leaves room for the others."""

from collections.abc import Callable, Sequence
from typing import Final

from connectors.base import Account, BlobWriter, Delivery, LaterError
from connectors.intake import Intake
from daemon.channel_states import ChannelStates
from daemon.metrics import ChannelMetrics
from schemas.message import BlobRef

MOST_IN_FLIGHT: Final = 500
"""Deliveries of one account that are being stored at a time; more are told to come again."""


class AccountIntake:
    """Takes the deliveries of one account, and counts what it refuses. `count` adds a refusal to the ledger."""

    def __init__(
        self,
        *,
        account: Account,
        intake: Intake,
        blobs: BlobWriter,
        states: ChannelStates,
        metrics: ChannelMetrics,
        count: Callable[[str, str], None],
        most: int = MOST_IN_FLIGHT,
    ) -> None:
        self.account = account
        self.states = states
        self.metrics = metrics
        self._intake = intake
        self._blobs = blobs
        self._count = count
        self._most = most
        self._in_flight = 0

    def check(self) -> None:
        """Raise `LaterError` while nothing is taken, or while too much of this account is in flight."""
        if self._in_flight >= self._most:
            raise LaterError(f"{self._most} deliveries of this account are being stored")
        self._intake.check()

    async def accept(self, deliveries: Sequence[Delivery]) -> tuple[str, ...]:
        """Store them all. Raises `LaterError`, and `ValueError` for those of another account."""
        if any(delivery.account is not self.account and delivery.account != self.account for delivery in deliveries):
            raise ValueError("a delivery of another account")
        self.check()
        self._in_flight += len(deliveries)
        try:
            return await self._intake.accept(deliveries)
        finally:
            self._in_flight -= len(deliveries)

    async def put(self, content: bytes) -> BlobRef:
        """Store a file. Raises `LaterError`."""
        self.check()
        self._in_flight += 1
        try:
            return await self._blobs.put(content)
        except OSError as error:
            raise LaterError("the blob store does not store") from error
        finally:
            self._in_flight -= 1

    def refused(self, reason: str) -> None:
        """Count what was not accepted."""
        self.metrics.refused(self.account.name, reason)
        self._count(self.account.name, reason)
