"""How much visitors, addresses and the account may do, in this process."""

from typing import Final

from connectors.page_limits import Buckets, Seats
from connectors.webchat.settings import WebchatAccountSettings

BURST: Final = 10
"""Messages of one visitor at once, however slow the long run is."""
HELLOS_PER_MINUTE: Final = 120
"""New sockets of one address."""
FRAMES_PER_SECOND: Final = 20
"""Frames of any kind of one visitor."""
UPLOADS_PER_MINUTE: Final = 30
"""Files of one visitor, and of one address five times as many."""
UPLOADS: Final = 16
"""Files that come in at the same time: each stands in memory."""


class ChatLimits:
    """All limits of one account. Times are seconds of the loop's clock."""

    def __init__(self, settings: WebchatAccountSettings) -> None:
        minute = 60.0
        self._visitor = Buckets(per_second=settings.messages_per_minute / minute, burst=BURST)
        self._address = Buckets(per_second=settings.messages_per_minute_address / minute, burst=BURST * 5)
        self._account = Buckets(per_second=settings.messages_per_second, burst=settings.messages_per_second)
        self._frames = Buckets(per_second=FRAMES_PER_SECOND, burst=FRAMES_PER_SECOND * 3)
        self._hellos = Buckets(per_second=HELLOS_PER_MINUTE / minute, burst=settings.max_sockets_per_address)
        self._files = Buckets(per_second=UPLOADS_PER_MINUTE / minute, burst=BURST)
        self._files_address = Buckets(per_second=UPLOADS_PER_MINUTE * 5 / minute, burst=BURST * 5)
        self.sockets = Seats(each=settings.max_sockets_per_address, together=settings.max_sockets)
        self.uploads = Seats(each=UPLOADS // 4, together=UPLOADS)

    def hello(self, address: str, *, at: float) -> float:
        """Count a new socket; the seconds to wait, or 0."""
        return self._hellos.take(address, at=at)

    def frame(self, chat: str, *, at: float) -> float:
        """Count a frame of any kind; the seconds to wait, or 0."""
        return self._frames.take(chat, at=at)

    def message(self, chat: str, address: str, *, at: float) -> float:
        """Count a message against its visitor, its address and the account; the seconds to wait, or 0."""
        return self._visitor.take(chat, at=at) or self._address.take(address, at=at) or self._account.take("", at=at)

    def file(self, chat: str, address: str, *, at: float) -> float:
        """Count a file; the seconds to wait, or 0."""
        return self._files.take(chat, at=at) or self._files_address.take(address, at=at)
