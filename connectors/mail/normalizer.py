"""Runs `normalize` where it belongs: small mails at once, large ones in a thread, suspicious ones in a child."""

import asyncio
from typing import Final

from connectors.base import Delivery, Normalized
from connectors.mail.normalize import normalize
from connectors.mail.parse import mend_line_ends
from connectors.mail.sandbox import Sandbox
from connectors.mail.structure import Soundness, StructureReport, check_structure

INLINE_BYTES: Final = 64 * 1024
"""A larger mail may take a tenth of a second: it is parsed in a thread, so that the event loop keeps its turns."""


class MailNormalizer:
    """Normalizes deliveries for an event loop. One for a process; safe for many concurrent callers."""

    def __init__(self, *, sandbox: Sandbox | None = None) -> None:
        self._sandbox = sandbox or Sandbox()

    async def __call__(self, delivery: Delivery) -> Normalized:
        """Normalize. Raises `InvalidDeliveryError` for a mail over the limits, or one that kills its parser."""
        if len(delivery.raw) > INLINE_BYTES:
            normalized = await asyncio.to_thread(_normalize_if_sound, delivery)
        else:
            normalized = _normalize_if_sound(delivery)
        return normalized if normalized is not None else await self._sandbox.normalize(delivery)

    async def close(self) -> None:
        """End the children that still run."""
        await self._sandbox.close()


def _normalize_if_sound(delivery: Delivery) -> Normalized | None:
    """Check, then normalize; None when the mail belongs into a child."""
    report: StructureReport = check_structure(mend_line_ends(delivery.raw))
    if report.soundness is Soundness.SUSPICIOUS:
        return None
    return normalize(delivery, report)
