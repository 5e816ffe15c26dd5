"""What `ingest` asks the store for, beside the road: it counts refusals there, and sees how far routing lags."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol, runtime_checkable

import structlog

from bus.port import BusError, Log
from daemon.adapters import STORE_ERRORS, stored_offsets
from daemon.clock import now
from daemon.door import Gate
from daemon.metrics import IntakeMetrics
from daemon.settings import Settings
from ticket_store.pool import Pool
from ticket_store.refusals import RefusalCounter

WRITE_EVERY: Final = 1.0
LAG_EVERY: Final = timedelta(seconds=30)
REFUSALS: Final[Mapping[str, str]] = {"550": "unknown_recipient", "552": "too_large"}
"""SMTP replies that refuse a mail for ever, and the ledger's words for them."""

_log = structlog.get_logger(__name__)


@runtime_checkable
class Dated(Protocol):
    """A log that removes records by age, routed or not, and can say where a moment stands: Kafka."""

    async def offsets_at(self, topic: str, moment: datetime) -> Mapping[int, int]:
        """Give the first offset stored at or after a moment, of each partition."""
        ...


class Lookout:
    """Runs beside the listener. Nothing here keeps mail from coming in when the store does not answer."""

    def __init__(self, *, settings: Settings, pool: Pool, log: Log, gate: Gate, metrics: IntakeMetrics) -> None:
        self._settings = settings
        self._pool = pool
        self._bus = log
        self._gate = gate
        self._metrics = metrics
        self._refusals = RefusalCounter(pool=pool)
        self._looked_at: datetime | None = None

    def heard(self, code: str) -> None:
        """Count an SMTP reply if it refuses."""
        reason = REFUSALS.get(code)
        if reason is not None:
            self._metrics.refused.labels(reason=reason).inc()
            self._refusals.count(account="", reason=reason, at=now())

    def refused(self, account: str, reason: str) -> None:
        """Count what another channel's account did not accept; `reason` is a word of ours."""
        self._metrics.refused.labels(reason=reason).inc()
        self._refusals.count(account=account, reason=reason, at=now())

    async def run(self) -> None:
        """Write and look until cancelled."""
        while True:
            await asyncio.sleep(WRITE_EVERY)
            await self.write_refusals()
            if self._looked_at is None or now() - self._looked_at > LAG_EVERY:
                await self.look_at_lag()

    async def write_refusals(self) -> None:
        """Add what was refused to the ledger; what cannot be written now waits."""
        try:
            await self._refusals.write()
        except STORE_ERRORS as error:
            _log.warning("refusals not written", waiting=self._refusals.unwritten, error=type(error).__name__)

    async def look_at_lag(self) -> None:
        """Close the door while records wait that are older than half of what the log keeps."""
        if not isinstance(self._bus, Dated):
            return  # the PostgreSQL log removes nothing that is not routed
        hours = self._settings.bus.inbound_hours / 2
        topic = self._settings.bus.inbound_topic
        try:
            begins = await self._bus.offsets_at(topic, now() - timedelta(hours=hours))
            stored = await stored_offsets(self._pool, topic, begins.keys())
        except (BusError, *STORE_ERRORS) as error:
            _log.warning("lag not known", error=type(error).__name__)
            return
        self._looked_at = now()
        behind = any(stored.get(partition, 0) < offset for partition, offset in begins.items())
        self._gate.look_at_lag(behind=behind, hours=hours)
