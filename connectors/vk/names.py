"""Names of people who write: VK's events have their numbers alone. Source: VK API, `users.get`.

Who is not known yet is asked for together with all others who wait. A message waits for that one second at most, and
for no look-up while VK is slow or refuses: what VK does not say is left out, and the message is stored without it.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from connectors.making import line
from connectors.sending import SendError
from connectors.tolerant import fields, items, text_of, whole
from connectors.vk.client import VkClient
from connectors.vk.normalize import NAMES, message_of

SECONDS: Final = 1.0
"""For which a message waits."""
AT_ONCE: Final = 1000
"""People of one call (VK API, `users.get`)."""
LIFE: Final = timedelta(hours=24)
"""After which a name is asked for again, and whether there is one."""
QUIET: Final = timedelta(seconds=30)
"""After a look-up that failed or was slow, in which nobody waits for another."""
MOST: Final = 10_000
"""Names that are kept."""
MOST_LETTERS: Final = 255
KINDS: Final = frozenset({"message_new", "message_edit"})

_log = structlog.get_logger(__name__)


class Names:
    """What one community knows of people's names. `client` gives the way to VK."""

    def __init__(self, *, client: Callable[[], VkClient]) -> None:
        self._client = client
        self._known: dict[str, tuple[str, datetime]] = {}
        self._wanted: dict[str, None] = {}
        self._asking: asyncio.Task[None] | None = None
        self._quiet_until: datetime | None = None

    async def added(self, event: object, *, at: datetime) -> object:
        """Give an event with the name of its sender; see `all_added`."""
        return (await self.all_added([event], at=at))[0]

    async def all_added(self, events: Collection[object], *, at: datetime) -> list[object]:
        """Give events with the names of their senders, as far as they are known in time. Never raises."""
        found = await self.of({one for event in events if (one := _sender(event))}, at=at)
        return [_named(event, found) for event in events]

    async def of(self, people: Iterable[str], *, at: datetime) -> Mapping[str, str]:
        """Give the names of people by their numbers; who has none, or none in time, is left out. Never raises."""
        people = list(people)
        missing = [one for one in people if self._is_missing(one, at)]
        if missing and (self._quiet_until is None or at >= self._quiet_until):
            self._wanted |= dict.fromkeys(missing)
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask(at), name="names at VK")
            _, late = await asyncio.wait([self._asking], timeout=SECONDS)
            if late:
                self._quiet_until = at + QUIET
        return {one: name for one in people if (name := self._known.get(one, ("", at))[0])}

    async def close(self) -> None:
        """Ask for nothing more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    def _is_missing(self, person: str, at: datetime) -> bool:
        known = self._known.get(person)
        return known is None or at - known[1] > LIFE

    async def _ask(self, at: datetime) -> None:
        """Ask for all who wait, and for those who came meanwhile."""
        while self._wanted:
            batch = list(self._wanted)[:AT_ONCE]
            self._wanted = dict.fromkeys(list(self._wanted)[AT_ONCE:])
            try:
                answer = await self._client().call("users.get", {"user_ids": ",".join(batch)})
            except SendError as error:
                _log.warning("vk names not known", problem=str(error))
                self._quiet_until, self._wanted = at + QUIET, {}
                return
            self._keep(batch, _read(answer), at)

    def _keep(self, batch: Iterable[str], found: Mapping[str, str], at: datetime) -> None:
        for person in batch:
            self._known.pop(person, None)
            self._known[person] = (found.get(person, ""), at)
        for person in list(self._known)[: max(0, len(self._known) - MOST)]:
            del self._known[person]


def _read(answer: object) -> Mapping[str, str]:
    """Read names by number. A page that was deleted has a word of VK's in the place of its name."""
    found: dict[str, str] = {}
    for item in map(fields, items(answer, AT_ONCE)):
        number = whole(item.get("id"))
        if number is not None and item.get("deactivated") != "deleted":
            name = f"{text_of(item.get('first_name'), 128)} {text_of(item.get('last_name'), 128)}"
            found[str(number)] = line(name.strip(), MOST_LETTERS)
    return found


def _sender(event: object) -> str:
    """Give the number of the person who wrote; empty for communities, and for what nobody wrote."""
    found = fields(event)
    sender = text_of(message_of(found).get("from_id"), 24) if found.get("type") in KINDS else ""
    return sender if sender.isdecimal() and sender.isascii() and int(sender) else ""


def _named(event: object, found: Mapping[str, str]) -> object:
    """Put the name beside what happened; the key is ours, and whatever else stood there is dropped."""
    if not isinstance(event, dict):
        return event
    kept: dict[str, Any] = {name: value for name, value in event.items() if name != NAMES}
    sender = _sender(event)
    return {**kept, NAMES: {sender: found[sender]}} if sender in found else kept
