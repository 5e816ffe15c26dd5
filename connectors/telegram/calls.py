"""Calls of the Bot API: python-telegram-bot's `Bot`, asked for raw answers.

Its own methods make objects of what comes back and raise on what they do not know: one odd update would block all
others, and a message that was sent would count as failed. `Bot._post` gives the JSON; it is used here alone, and
`tests/connectors/telegram/test_calls.py` pins it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from telegram import Bot, InputFile, Update

from connectors.telegram.settings import OFFICIAL, TelegramSettings
from connectors.telegram.transport import STAND_IN, QuietRequest, make_request

ALL_UPDATES: Final = tuple(dict.fromkeys((*Update.ALL_TYPES, "guest_message", "managed_bot", "subscription")))
"""Kinds of updates that we want; Telegram remembers what was asked last, so it is asked for every time."""
_LIMIT: Final = 100


class BotApi:
    """One bot. Raises `telegram.error.TelegramError`, of `connectors.telegram.transport` too."""

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._bot: Bot | None = None
        self._requests: tuple[QuietRequest, ...] = ()

    async def get_updates(self, offset: int, *, limit: int = _LIMIT, wait: float) -> Sequence[Any]:
        """Confirm all updates below `offset` and ask for what follows; `wait` is in seconds. Items may be anything."""
        asked = {
            "offset": offset or None,
            "limit": limit,
            "timeout": int(wait),
            "allowed_updates": list(ALL_UPDATES),
        }
        found = await self.call("getUpdates", asked, read_timeout=wait + self._settings.timeout_seconds)
        return found if isinstance(found, list) else ()

    async def call(
        self,
        method: str,
        data: Mapping[str, Any],
        *,
        files: Mapping[str, InputFile] | None = None,
        read_timeout: float = 0,
    ) -> object:
        """Call a method and give its `result` as it came."""
        found: object = await self._open()._post(  # noqa: SLF001 - the one place: see the module's text
            method,
            {**data, **(files or {})},
            read_timeout=read_timeout or self._settings.timeout_seconds,
        )
        return found

    def file_url(self, path: str) -> str:
        """Give the URL of a file; it holds the token."""
        return f"{self._settings.base_url}/file/bot{self._settings.token.get_secret_value()}/{path}"

    @property
    def base_url(self) -> str:
        """Give the server's URL."""
        return self._settings.base_url

    @property
    def is_official(self) -> bool:
        """Say whether it is Telegram's own server."""
        return self._settings.base_url == OFFICIAL

    async def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        requests, self._requests, self._bot = self._requests, (), None
        for request in requests:
            await request.shutdown()

    def _open(self) -> Bot:
        if self._bot is None:
            self._requests = (self._request(1), self._request(16))
            self._bot = Bot(
                STAND_IN,
                base_url=f"{self._settings.base_url}/bot",
                base_file_url=f"{self._settings.base_url}/file/bot",
                get_updates_request=self._requests[0],
                request=self._requests[1],
            )
        return self._bot

    def _request(self, connections: int) -> QuietRequest:
        return make_request(
            token=self._settings.token,
            proxy=self._settings.proxy,
            timeout=self._settings.timeout_seconds,
            connections=connections,
        )
