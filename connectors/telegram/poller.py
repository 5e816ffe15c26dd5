"""Asks Telegram for updates. The offset moves after the store alone: asking with it is what confirms (Bot API).

    load cursor -> getUpdates(offset) -> accept (stored) -> offset = last id + 1 -> save cursor -> getUpdates(offset)

The server gives ids anew after a quiet week, and another server counts by itself: the offset follows what came last,
not the greatest that was ever seen (tdlib's server reads from its queue's head when an offset lies in its future).
"""

import asyncio
import json
from typing import Final

from telegram.error import Conflict, InvalidToken, TelegramError

from connectors.base import Account, Delivery, LaterError, PollDesk
from connectors.telegram.calls import BotApi
from connectors.telegram.shapes import number
from connectors.telegram.transport import BusyError, UnreadableError, shown_update_id

_LIMIT: Final = 100
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
_LONGEST_WISH: Final = 300.0
"""Seconds that Telegram may ask us to wait before we ask again all the same."""
_MARGIN: Final = 30.0
"""Seconds after which a question that Telegram should have answered is given up, however its bytes drip."""


class _StuckError(TelegramError):
    """What came does not say how it is confirmed."""

    def __init__(self) -> None:
        super().__init__("stuck")


class Poller:
    """One account's questions.

    `wait` is how long Telegram holds one open, `margin` how much later it is given up; `first_pause` follows the first
    failure, and doubles up to 30. All in seconds.
    """

    def __init__(
        self,
        *,
        account: Account,
        api: BotApi,
        wait: float,
        first_pause: float = _FIRST_PAUSE,
        margin: float = _MARGIN,
    ) -> None:
        self._account = account
        self._api = api
        self._wait = wait
        self._margin = margin
        self._first_pause = first_pause
        self._pause = 0.0
        self._offset = 0
        self._limit = _LIMIT

    async def run(self, desk: PollDesk) -> None:
        """Ask until cancelled. Raises `LaterError` when the cursor cannot be read."""
        self._offset = number(await desk.load_cursor(), "offset") or 0
        while True:
            pause = await self._round(desk)
            await asyncio.sleep(pause)

    async def _round(self, desk: PollDesk) -> float:
        """Ask once; give the seconds to wait before the next question."""
        pause = 0.0
        try:
            await self._ask(desk)
        except UnreadableError as error:
            return await self._unreadable(desk, error.payload)
        except (LaterError, TimeoutError, TelegramError) as error:
            if isinstance(error, BusyError):
                pause = min(error.seconds or 0.0, _LONGEST_WISH)
            return max(pause, self._trouble(desk, _problem(error)))
        self._pause, self._limit = 0.0, _LIMIT
        desk.well()
        return pause

    async def _ask(self, desk: PollDesk) -> None:
        """Ask, store, and only then move on."""
        async with asyncio.timeout(self._wait + self._margin):
            updates = await self._api.get_updates(self._offset, limit=self._limit, wait=self._wait)
        if not updates:
            return
        await desk.accept([self._delivery(desk, _bytes(update)) for update in updates])
        ids = [found for update in updates if isinstance(update, dict) and (found := number(update, "update_id"))]
        if not ids or ids[-1] + 1 == self._offset:
            raise _StuckError
        await self._move(desk, ids[-1] + 1)

    async def _move(self, desk: PollDesk, offset: int) -> None:
        """Confirm what lies below an offset, with the next question."""
        await desk.save_cursor({"offset": offset})
        self._offset = offset

    async def _unreadable(self, desk: PollDesk, payload: bytes) -> float:
        """Get past an answer that is no JSON: ask for one update, store its answer as it is, and go on after it."""
        found = shown_update_id(payload)
        if self._limit == 1 and found is not None:
            try:
                await desk.accept([self._delivery(desk, payload)])
                await self._move(desk, found + 1)
            except LaterError:
                return self._trouble(desk, _NOT_STORED)
        self._limit = 1
        return self._trouble(desk, "Telegram's answer is no JSON; updates are asked for one by one")

    def _delivery(self, desk: PollDesk, raw: bytes) -> Delivery:
        return Delivery(account=self._account, raw=raw, received_at=desk.now(), intake="poll", tls=True)

    def _trouble(self, desk: PollDesk, problem: str) -> float:
        desk.trouble(problem)
        self._pause = min(max(2 * self._pause, self._first_pause), _LONGEST_PAUSE)
        return self._pause


def _bytes(update: object) -> bytes:
    """Write an update as it came; lone surrogates, which UTF-8 has not, stay escaped."""
    try:
        return json.dumps(update, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(update, separators=(",", ":")).encode()


def _problem(error: Exception) -> str:
    """Say for operators what is wrong."""
    if isinstance(error, Conflict):
        return _WEBHOOK if "webhook" in str(error).lower() else _ANOTHER
    return next((text for kind, text in _PROBLEMS if isinstance(error, kind)), f"{_AWAY} ({type(error).__name__})")


_NOT_STORED: Final = "updates wait at Telegram: they cannot be stored now"
_WEBHOOK: Final = "a webhook is set for this bot: set intake to webhook, or remove it with deleteWebhook"
_ANOTHER: Final = "another program polls with this bot's token: stop it, or revoke the token at BotFather"
_AWAY: Final = "Telegram cannot be reached"
_PROBLEMS: Final = (
    (_StuckError, "Telegram sends the same updates again: they cannot be confirmed"),
    (LaterError, _NOT_STORED),
    (TimeoutError, "Telegram did not end its answer in time"),
    (BusyError, "Telegram asks to wait: too many questions"),
    (InvalidToken, "Telegram does not know the token: take a new one from BotFather"),
)
