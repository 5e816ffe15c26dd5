"""A Viber bot: callbacks in, messages out, files fetched within the hour for which Viber keeps them."""

import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

import httpx

from connectors.base import Account, Answer, Delivery, InvalidDeliveryError, LaterError, Normalized, RefusedError
from connectors.making import read_object, undecodable
from connectors.sending import (
    ChannelDownError,
    ChatLetter,
    Part,
    Remote,
    SendError,
    SendFailedError,
    SendPace,
    Sent,
)
from connectors.tolerant import fields, moment, text_of
from connectors.viber.client import ViberClient
from connectors.viber.contents import MEDIA
from connectors.viber.letters import split
from connectors.viber.normalize import NORMALIZER_VERSION, PER_SECOND, normalize
from connectors.viber.settings import ViberAccountSettings
from schemas.message import InboundMessage

SIGNATURE: Final = "x-viber-content-signature"
SIGNATURE_FORM: Final = re.compile(r"[0-9a-f]{64}")
AHEAD: Final = timedelta(hours=1)
"""How far Viber's clock may be before ours."""
HOSTS: Final = (".viber.com", ".cdn.viber.com")
"""Where Viber keeps what its users send."""
NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
"""What a bot's URI may be, before it stands in a link of ours."""
EVENTS: Final = ("delivered", "seen", "failed", "subscribed", "unsubscribed", "conversation_started")


def connect(*, account: Account, settings: ViberAccountSettings) -> "ViberChannel":
    """Make the connector of one bot."""
    return ViberChannel(account=account, settings=settings)


class ViberChannel:
    """Meets `Registers`, `Sender`, `Fetcher`, `Invites` and `Signs` of the channel contract."""

    yes = Answer()
    pace = SendPace(account_per_second=20.0)
    echo_seconds = None

    def __init__(self, *, account: Account, settings: ViberAccountSettings) -> None:
        self.account = account
        self._settings = settings
        self._secret = settings.token.get_secret_value().encode()
        self._opened: ViberClient | None = None

    def authenticate(self, delivery: Delivery) -> None:
        """Compare the signature over the raw bytes, then the callback's own time. Raises `RefusedError`."""
        given = delivery.headers.get(SIGNATURE, "").strip().lower().encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._signature(delivery.raw)):
            raise RefusedError("the signature is not Viber's")
        self._check_age(delivery)

    def screen(self, headers: Mapping[str, str], *, at: datetime) -> None:
        """Ask for something that can be a signature."""
        del at
        if SIGNATURE_FORM.fullmatch(headers.get(SIGNATURE, "").strip().lower()) is None:
            raise RefusedError("the signature is none")

    def handshake(self, delivery: Delivery) -> Answer | None:
        """Say yes to the test call that `set_webhook` makes."""
        try:
            event = read_object(delivery.raw)
        except InvalidDeliveryError:
            return None
        return self.yes if event.get("event") == "webhook" else None

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message of one callback."""
        return normalize(delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record of a callback that cannot be read."""
        return undecodable(delivery, reason, version=NORMALIZER_VERSION)

    def sign(self, delivery: Delivery) -> Delivery:
        """Sign as Viber does. What was made too long ago to be taken is made anew, as of `received_at`."""
        delivery = self._renewed(delivery)
        signature = self._signature(delivery.raw).decode()
        return replace(delivery, headers={**delivery.headers, SIGNATURE: signature})

    async def register(self, url: str) -> None:
        """Tell Viber where to call (set_webhook). Raises `LaterError`, `RefusedError`."""
        payload = {"url": url, "event_types": list(EVENTS), "send_name": True, "send_photo": False}
        try:
            await self._client.call("set_webhook", payload)
        except SendFailedError as error:
            raise RefusedError(f"Viber refused our webhook: {error}") from None
        except (ChannelDownError, SendError) as error:
            raise LaterError(f"set_webhook: {error}") from None

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Cut what goes to one person into messages that Viber takes."""
        return split(letter, sender_name=self._settings.sender_name)

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        """Send one message; a file goes as a link from which Viber fetches it."""
        del content
        payload = dict(part.payload)
        if part.file is not None:
            if not link:
                raise SendFailedError("Viber fetches files from us: set intake.public_url")
            payload["media"] = link
        answer = await self._client.call("send_message", payload)
        return Sent(platform_id=text_of(answer.get("message_token"), 64))

    async def locate(self, raw: bytes, platform_id: str) -> Remote:
        """Read a file's address from the callback: Viber keeps it for an hour."""
        try:
            media = text_of(fields(read_object(raw).get("message")).get("media"), 4000)
        except InvalidDeliveryError:
            media = ""
        if platform_id != MEDIA or not media:
            raise SendFailedError("Viber named no address for it")
        return Remote(url=media, hosts=HOSTS, base_url=self._own_server())

    async def deep_link(self, proof: str) -> str:
        """Give the link into the bot's chat, by the URI that Viber knows it by. Raises `LaterError`."""
        try:
            name = text_of((await self._client.call("get_account_info", {})).get("uri"), 64)
        except (ChannelDownError, SendError) as error:
            raise LaterError(f"get_account_info: {error}") from None
        if not NAME.fullmatch(name):
            raise LaterError("Viber names no URI of the bot")
        return f"viber://pa?chatURI={name}&context={proof}"

    async def close(self) -> None:
        """Let the connections go."""
        if self._opened is not None:
            await self._opened.close()

    @property
    def _client(self) -> ViberClient:
        if self._opened is None:
            http = httpx.AsyncClient(timeout=self._settings.timeout_seconds, follow_redirects=False)
            self._opened = ViberClient(
                base_url=self._settings.base_url, token=self._settings.token.get_secret_value(), http=http
            )
        return self._opened

    def _own_server(self) -> str:
        """Give the configured server, when it is not Viber's own."""
        default = ViberAccountSettings.model_fields["base_url"].default
        return "" if self._settings.base_url == default else self._settings.base_url

    def _signature(self, raw: bytes) -> bytes:
        return hmac.new(self._secret, raw, sha256).hexdigest().encode()

    def _renewed(self, delivery: Delivery) -> Delivery:
        """Give a recording the time of today: the signature covers the callback's own time, which we check."""
        try:
            self._check_age(delivery)
        except RefusedError:
            made = int(delivery.received_at.timestamp() * PER_SECOND)
            event = {**read_object(delivery.raw), "timestamp": made}
            raw = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
            return replace(delivery, raw=raw)
        return delivery

    def _check_age(self, delivery: Delivery) -> None:
        """Refuse what was signed long ago. What has no readable time is taken: its key drops it the second time."""
        try:
            sent = moment(read_object(delivery.raw).get("timestamp"), per_second=PER_SECOND)
        except InvalidDeliveryError:
            return
        if sent is None:
            return
        age = delivery.received_at - sent
        if age > timedelta(hours=self._settings.max_age_hours) or age < -AHEAD:
            raise RefusedError("the callback was made too long ago, or in the future")
