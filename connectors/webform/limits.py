"""How much addresses, links and dialogues may do, in this process. Times are seconds of the loop's clock."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from connectors.page_limits import Buckets, Recent, Seats
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request to be sent: from where, by which link, into which dialogue, and what names it there."""

    address: str
    link: str
    chat: str
    name: str


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
        self._known = Recent(seconds=HOUR)
        self._files = Buckets(per_second=UPLOADS_PER_MINUTE / MINUTE, burst=UPLOADS_PER_MINUTE)
        self.uploads = Seats(each=UPLOADS // 4, together=UPLOADS)
        self.waiting = Seats(each=WAITING_EACH, together=settings.max_waiting)

    def call(self, address: str, *, at: float) -> float:
        """Count a call of any kind; the seconds to wait, or 0."""
        return self._calls.take(address, at=at)

    @contextmanager
    def request(self, asking: Asking, *, at: float) -> Iterator[float]:
        """Count a request against its address and its link, and give the seconds to wait, or 0.

        The same again within the hour is a page that heard no answer: it counts against its dialogue alone. What ends
        with an exception was not stored and counts for nothing, so that an outage leaves nobody without a place.
        """
        known = f"{asking.chat} {asking.name}"
        if self._known.has(known, at=at):
            with self.message(asking.chat, at=at) as wait:
                yield wait
            return
        wait = self._address.take(asking.address, at=at)
        if wait:
            yield wait
            return
        try:
            yield (wait := self._link.take(asking.link, at=at))
        except BaseException:
            self._address.give(asking.address)
            if not wait:
                self._link.give(asking.link)
            raise
        self._known.add(known, at=at)

    @contextmanager
    def message(self, chat: str, *, at: float) -> Iterator[float]:
        """Count a message in a dialogue, and give the seconds to wait, or 0. An exception takes it back."""
        wait = self._dialogue.take(chat, at=at)
        try:
            yield wait
        except BaseException:
            if not wait:
                self._dialogue.give(chat)
            raise

    def file(self, address: str, *, at: float) -> float:
        """Count a file; the seconds to wait, or 0."""
        return self._files.take(address, at=at)
