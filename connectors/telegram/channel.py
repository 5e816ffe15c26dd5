"""The Telegram channel, under the contract of `connectors/base.py` and `connectors/sending.py`."""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from telegram.error import BadRequest, InvalidToken, TelegramError

from connectors.base import Account, Answer, Connector, Delivery, LaterError, Normalized, PollDesk, RefusedError
from connectors.sending import ChatLetter, Part, Remote, SendPace, Sent
from connectors.telegram import errors, normalize, sender, splitting
from connectors.telegram.calls import ALL_UPDATES, BotApi
from connectors.telegram.piecemeal import send_what_arrives
from connectors.telegram.poller import Poller
from connectors.telegram.settings import TelegramSettings
from connectors.telegram.shapes import raw_text
from connectors.tolerant import fields
from schemas.message import InboundMessage

SECRET_HEADER: Final = "x-telegram-bot-api-secret-token"  # noqa: S105 - a header's name
NAME: Final = re.compile(r"[A-Za-z0-9_]{4,64}")
"""What a bot's name may be, before it stands in a link of ours."""
_CONNECTIONS: Final = 40


def connect(*, account: Account, settings: TelegramSettings) -> Connector:
    """Give the account's connector: one that is polled, or one that is called."""
    kind = TelegramPoll if settings.intake == "poll" else TelegramPush
    return kind(account=account, settings=settings)


class TelegramConnector:
    """What both have: messages made of updates, parts sent, files found."""

    pace = SendPace(account_per_second=25.0, chat_every=timedelta(seconds=1), group_every=timedelta(seconds=3))
    echo_seconds = None
    """Bot API FAQ: about 30 a second over all, 1 a second to a chat, 20 a minute to a group."""

    def __init__(self, *, account: Account, settings: TelegramSettings) -> None:
        self.account = account
        self._settings = settings
        self._api = BotApi(settings)

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message."""
        return normalize.normalize(delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record for what cannot be read."""
        return normalize.undecodable(delivery, reason)

    def authenticate(self, delivery: Delivery) -> None:
        """Accept what our own call brought, or what holds the secret that only Telegram was told."""
        if delivery.intake == "poll":
            return
        self._check_secret(delivery.headers)

    def sign(self, delivery: Delivery) -> Delivery:
        """Give the delivery with the secret, where there is one."""
        secret = self._settings.webhook_secret
        if secret is None or delivery.intake == "poll":
            return delivery
        return replace(delivery, headers={**delivery.headers, SECRET_HEADER: secret.get_secret_value()})

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Cut what goes out."""
        return splitting.split(letter)

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        """Send one part; files go as bytes, so that no link of ours is needed."""
        del link
        return await send_what_arrives(self._api, part, [] if content is None else [content])

    async def send_album(self, part: Part, *, contents: Sequence[bytes]) -> Sent:
        """Send an album; each of its files becomes a message."""
        return await send_what_arrives(self._api, part, contents)

    async def locate(self, raw: bytes, platform_id: str) -> Remote:
        """Say where a file lies now; the id alone is enough."""
        del raw
        return await sender.locate(self._api, platform_id)

    async def deep_link(self, proof: str) -> str:
        """Give the link into the bot's chat, by the name that Telegram knows it by. Raises `LaterError`."""
        try:
            name = raw_text(fields(await self._api.call("getMe", {})), "username")
        except TelegramError as error:
            problem = LaterError(f"getMe: Telegram does not tell the bot's name ({type(error).__name__})")
        else:
            problem = LaterError("getMe: Telegram names no bot")
            if NAME.fullmatch(name):
                return f"https://t.me/{name}?start={proof}"
        raise problem

    async def close(self) -> None:
        """Close the connections."""
        await self._api.close()

    def _check_secret(self, headers: Mapping[str, str]) -> None:
        secret = self._settings.webhook_secret
        told = headers.get(SECRET_HEADER, "").encode("utf-8", "surrogatepass")
        if secret is None or not hmac.compare_digest(told, secret.get_secret_value().encode()):
            raise RefusedError("the secret is not the one that Telegram was told")


class TelegramPoll(TelegramConnector):
    """A bot that asks."""

    async def poll(self, desk: PollDesk) -> None:
        """Ask until cancelled."""
        await Poller(account=self.account, api=self._api, wait=self._settings.poll_seconds).run(desk)


class TelegramPush(TelegramConnector):
    """A bot that is called."""

    yes = Answer()

    def screen(self, headers: Mapping[str, str], *, at: datetime) -> None:
        """Ask for the whole proof: it stands in a header."""
        del at
        self._check_secret(headers)

    def handshake(self, delivery: Delivery) -> Answer | None:
        """Telegram asks for none."""
        del delivery
        return None

    async def register(self, url: str) -> None:
        """Set the webhook with our secret; updates that wait are kept. Raises `LaterError` and `RefusedError`."""
        secret = self._settings.webhook_secret
        asked = {
            "url": url,
            "secret_token": secret.get_secret_value() if secret is not None else None,
            "allowed_updates": list(ALL_UPDATES),
            "max_connections": _CONNECTIONS,
        }
        problem: LaterError | RefusedError | None = None
        try:
            await self._api.call("setWebhook", asked)
        except BadRequest as error:
            problem = RefusedError(f"Telegram does not take the public URL: {errors.harmless(str(error))}")
        except InvalidToken:
            problem = RefusedError("Telegram does not know the token (401): take a new one from BotFather")
        except TelegramError as error:
            problem = LaterError(f"Telegram cannot be reached ({type(error).__name__})")
        if problem is not None:
            raise problem
