"""How much addresses, links and dialogues may do, in this process. Times are seconds of the loop's clock."""

from typing import Final

from connectors.page_limits import Buckets, Seats
from connectors.webform.settings import WebformAccountSettings

HOUR: Final = 3600.0
MINUTE: Final = 60.0
CALLS_PER_MINUTE: Final = 600
"""Calls of any kind of one address: pages, beginnings, looks at a dialogue."""
UPLOADS_PER_MINUTE: Final = 30
"""Files of one address."""
UPLOADS: Final = 16
"""Files that come in at the same time: each stands in memory."""
WAITING_EACH: Final = 50
"""Pages of one address that wait for an answer."""


class FormLimits:
    """All limits of one account."""

    def __init__(self, settings: WebformAccountSettings) -> None:
        address, link = settings.requests_per_hour_address, settings.requests_per_hour_link
        self._calls = Buckets(per_second=CALLS_PER_MINUTE / MINUTE, burst=CALLS_PER_MINUTE)
        self._address = Buckets(per_second=address / HOUR, burst=address)
        self._link = Buckets(per_second=link / HOUR, burst=link)
        self._dialogue = Buckets(
            per_second=settings.messages_per_minute / MINUTE, burst=max(settings.messages_per_minute, 5)
        )
        self._files = Buckets(per_second=UPLOADS_PER_MINUTE / MINUTE, burst=UPLOADS_PER_MINUTE)
        self.uploads = Seats(each=UPLOADS // 4, together=UPLOADS)
        self.waiting = Seats(each=WAITING_EACH, together=settings.max_waiting)

    def call(self, address: str, *, at: float) -> float:
        """Count a call of any kind; the seconds to wait, or 0."""
        return self._calls.take(address, at=at)

    def request(self, address: str, link: str, *, at: float) -> float:
        """Count a new request against its address and its link; the seconds to wait, or 0."""
        return self._address.take(address, at=at) or self._link.take(link, at=at)

    def message(self, chat: str, *, at: float) -> float:
        """Count a message in a dialogue; the seconds to wait, or 0."""
        return self._dialogue.take(chat, at=at)

    def file(self, address: str, *, at: float) -> float:
        """Count a file; the seconds to wait, or 0."""
        return self._files.take(address, at=at)
