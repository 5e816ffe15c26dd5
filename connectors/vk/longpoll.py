"""Asking VK for a community's events. The cursor moves after the store, and no event blocks another.

Source: VK, "Bots Long Poll API". Answers: `ts` and `updates`, or `failed`: 1 = events were lost, go on at the new `ts`;
2 = the key is old; 3 = key and `ts` are lost; 4 = a wrong version. Where events were lost, what people wrote meanwhile
is read from the conversations (`messages.getConversations`, `messages.getHistory`): the same delivery keys.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import structlog

from connectors.base import Account, Delivery, LaterError, PollDesk
from connectors.sending import SendError, SendFailedError, SendLaterError
from connectors.tolerant import fields, items, text_of, whole
from connectors.vk.client import VkClient
from connectors.vk.names import Names
from connectors.vk.whole import is_cropped, whole_message

WAIT: Final = 25
"""Seconds for which VK holds a poll open; the client's time limit must be longer."""
SHORTEST: Final = 1.0
LONGEST: Final = 60.0
PAGE: Final = 200
PAGES: Final = 50
LOST, OLD_KEY, ALL_LOST = 1, 2, 3
TRIES: Final = 5
BETWEEN: Final = 0.06
"""Seconds between two calls: VK takes twenty a second from a community."""

_log = structlog.get_logger(__name__)


class Clocked(PollDesk, Protocol):
    """A desk that tells the time."""

    def now(self) -> datetime:
        """Tell the time, with a zone."""
        ...


@dataclass(kw_only=True)
class _Place:
    """Where we poll. `key` and `server` come from VK anew at every start; only `ts` is kept."""

    server: str = ""
    key: str = ""
    ts: str = ""


class LongPoll:
    """One community's poller."""

    def __init__(self, *, account: Account, group_id: int, client: VkClient, names: Names) -> None:
        self._account = account
        self._group_id = group_id
        self._client = client
        self._names = names

    async def run(self, desk: Clocked) -> None:
        """Poll until cancelled; what fails is tried again with a growing pause."""
        place, pause, is_first = _Place(), SHORTEST, True
        while True:
            try:
                if is_first:
                    place.ts = text_of((await desk.load_cursor()).get("ts"), 64)
                    is_first = False
                await self._round(desk, place)
            except (SendError, LaterError) as error:
                desk.trouble(str(error))
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST)
            else:
                desk.well()
                pause = SHORTEST

    async def _round(self, desk: Clocked, place: _Place) -> None:
        if not place.key:
            await self._connect(desk, place)
        asked: dict[str, str | int] = {"act": "a_check", "key": place.key, "ts": place.ts, "wait": WAIT}
        answer = await self._client.request("GET", place.server, params=asked)
        failed = whole(answer.get("failed"))
        if failed is not None:
            await self._mend(desk, place, failed, text_of(answer.get("ts"), 64))
            return
        updates = items(answer.get("updates"), 10_000)
        ts = text_of(answer.get("ts"), 64)
        if not ts:
            raise LaterError("VK's long poll answered without ts")
        if updates:
            await self._accept(desk, await self._whole(updates))
        if ts != place.ts:
            await desk.save_cursor({"ts": ts})
            place.ts = ts

    async def _connect(self, desk: Clocked, place: _Place) -> None:
        """Ask for a key; the kept `ts` is tried with it. Without one, what waits unanswered is read first."""
        found = fields(await self._client.call("groups.getLongPollServer", {"group_id": self._group_id}))
        server, key, ts = (text_of(found.get(name), 2000) for name in ("server", "key", "ts"))
        if not server or not key or not ts:
            raise LaterError("VK named no long poll server")
        if not place.ts:
            await self._repair(desk)
            await desk.save_cursor({"ts": ts})
            place.ts = ts
        place.server, place.key = server, key

    async def _mend(self, desk: Clocked, place: _Place, failed: int, ts: str) -> None:
        _log.warning("vk poll failed", account=self._account.name, failed=failed)
        place.key = ""
        if failed == OLD_KEY:
            return
        if failed not in (LOST, ALL_LOST):
            raise LaterError(f"VK's long poll failed with {failed}")
        place.ts = ""
        if failed == LOST and ts:
            await self._repair(desk)
            await desk.save_cursor({"ts": ts})
            place.ts = ts

    async def _repair(self, desk: Clocked) -> None:
        """Read what nobody answered yet; what was stored already drops as a duplicate."""
        for page in range(PAGES):
            asked: dict[str, str | int] = {
                "filter": "unanswered",
                "count": PAGE,
                "offset": page * PAGE,
                "group_id": self._group_id,
            }
            found = items(fields(await self._client.call("messages.getConversations", asked)).get("items"), PAGE)
            for one in found:
                await self._patiently(desk, fields(one))
            if len(found) < PAGE:
                return

    async def _patiently(self, desk: Clocked, conversation: Mapping[str, Any]) -> None:
        """Read one conversation; one that VK refuses (we were put out of the chat) keeps nobody else waiting."""
        for _ in range(TRIES):
            await asyncio.sleep(BETWEEN)
            try:
                await self._history(desk, conversation)
            except SendFailedError as error:
                _log.warning("vk conversation not read", account=self._account.name, code=error.code)
            except SendLaterError as error:
                await asyncio.sleep(min(LONGEST, error.after.total_seconds() if error.after else SHORTEST))
                continue
            return
        raise LaterError("VK does not give the conversations that nobody answered yet")

    async def _history(self, desk: Clocked, conversation: Mapping[str, Any]) -> None:
        """Read one conversation's messages since our last answer, the oldest first."""
        peer = whole(fields(fields(conversation.get("conversation")).get("peer")).get("id"))
        if peer is None:
            return
        asked: dict[str, str | int] = {"peer_id": peer, "count": PAGE, "group_id": self._group_id}
        found = items(fields(await self._client.call("messages.getHistory", asked)).get("items"), PAGE)
        theirs = list(_until_ours(found, self._group_id))
        events = [{"type": "message_new", "object": {"message": message}} for message in reversed(theirs)]
        if events:
            await self._accept(desk, events)

    async def _accept(self, desk: Clocked, events: Sequence[object]) -> None:
        """Store events, with the names of those who wrote."""
        named = await self._names.all_added(events, at=desk.now())
        await desk.accept([self._delivery(event, desk.now()) for event in named])

    async def _whole(self, updates: Sequence[Any]) -> Sequence[Any]:
        """Ask for the rest of messages that VK cut."""
        return [await self._uncropped(update) for update in updates]

    async def _uncropped(self, update: object) -> object:
        event = fields(update)
        return await whole_message(self._client, event, group_id=self._group_id) if is_cropped(event) else update

    def _delivery(self, event: object, now: datetime) -> Delivery:
        named = {**event, "group_id": self._group_id} if isinstance(event, dict) else event
        raw = json.dumps(named, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        return Delivery(account=self._account, raw=raw, received_at=now, intake="poll")


def _until_ours(messages: Sequence[Any], group_id: int) -> Iterator[Mapping[str, Any]]:
    for item in messages:
        message = fields(item)
        if message.get("from_id") == -group_id:
            return
        yield message
