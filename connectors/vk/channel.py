"""A VK community: events in by Callback API or long poll, messages out, files fetched from VK's own hosts."""

import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from typing import Final
from urllib.parse import urlsplit

import httpx

from connectors.base import Account, Answer, Delivery, InvalidDeliveryError, LaterError, Normalized, RefusedError
from connectors.making import read_object, undecodable
from connectors.page_limits import Buckets
from connectors.sending import (
    ChatFile,
    ChatLetter,
    GoneError,
    Part,
    Remote,
    SendError,
    SendFailedError,
    SendPace,
    Sent,
)
from connectors.tolerant import fields, items, text_of, whole
from connectors.vk.client import VkClient
from connectors.vk.contents import forwards
from connectors.vk.files import urls
from connectors.vk.letters import split
from connectors.vk.longpoll import Clocked, LongPoll
from connectors.vk.names import Names
from connectors.vk.normalize import NORMALIZER_VERSION, message_of, normalize
from connectors.vk.settings import VkAccountSettings
from connectors.vk.uploads import HOSTS, upload
from connectors.vk.whole import is_cropped, whole_in_time
from schemas.message import InboundMessage

CONFIRMATION: Final = "confirmation"
CONFIRMATIONS: Final = 5
"""Confirmations a minute that are answered without the secret key: VK asks once when a server is added."""
SITES: Final = ("vk.com", "vk.ru", "m.vk.com")
"""Hosts whose document addresses lead on to where the document lies."""


def connect(*, account: Account, settings: VkAccountSettings) -> "VkChannel":
    """Make the connector of one community, for the intake that it is set to."""
    made = VkCallback if settings.intake == "callback" else VkLongPoll
    return made(account=account, settings=settings)


class VkChannel:
    """What both intakes share. Meets `Sender`, `Fetcher` and `Invites` of the channel contract."""

    pace = SendPace(account_per_second=20.0)
    echo_seconds = 3000.0
    """VK drops a repeated `random_id` for an hour; the rest of it is left for a wait for our turn and an upload."""

    def __init__(self, *, account: Account, settings: VkAccountSettings) -> None:
        self.account = account
        self._settings = settings
        self._opened: VkClient | None = None
        self._names = Names(client=lambda: self._client)

    def normalize(self, delivery: Delivery) -> Normalized:
        """Make the message of one event."""
        return normalize(delivery)

    def undecodable(self, delivery: Delivery, reason: str) -> InboundMessage:
        """Make the record of an event that cannot be read."""
        return undecodable(delivery, reason, version=NORMALIZER_VERSION)

    def split(self, letter: ChatLetter) -> Sequence[Part]:
        """Cut what goes to one conversation into messages that VK takes."""
        return split(letter, self.account)

    async def send(self, part: Part, *, content: bytes | None, link: str) -> Sent:
        """Send one message; its file is uploaded first. The same part twice within an hour arrives once."""
        del link
        names = [] if part.file is None else [await self._uploaded(part, part.file, content or b"")]
        return await self._send(part, names)

    async def send_album(self, part: Part, *, contents: Sequence[bytes]) -> Sent:
        """Send one message with several files, all of them uploaded first; those that are refused are left out."""
        names: list[str] = []
        refused: list[str] = []
        code = ""
        for file, content in zip(part.album, contents, strict=True):
            try:
                names.append(await self._uploaded(part, file, content))
            except GoneError:
                raise
            except SendFailedError as error:
                refused.append(f"{file.name[:120]}: {error}")
                code = error.code
        if not names:
            raise SendFailedError("; ".join(refused), code=code)
        return replace(await self._send(part, names), refused=tuple(refused))

    async def _send(self, part: Part, attachments: Sequence[str]) -> Sent:
        asked = {name: text_of(value) for name, value in part.payload.items()}
        if attachments:
            asked["attachment"] = ",".join(attachments)
        asked |= {"peer_ids": part.to, "random_id": part.echo, "group_id": str(self._settings.group_id)}
        answer = items(await self._client.call("messages.send", asked), 1)
        return _sent(answer)

    async def _uploaded(self, part: Part, file: ChatFile, content: bytes) -> str:
        """Upload a file and give its name in messages."""
        return await upload(self._client, file, content, peer=part.to, own_server=self._own_server)

    async def locate(self, raw: bytes, platform_id: str) -> Remote:
        """Find a file's address in the event; a document's leads on to where it lies."""
        try:
            message = message_of(read_object(raw))
        except InvalidDeliveryError as error:
            raise SendFailedError("the event cannot be read any more") from error
        url = urls([message, *(one for _, one in forwards(message))]).get(platform_id, "")
        if not url:
            raise SendFailedError("VK named no address for it")
        if urlsplit(url).hostname in SITES:
            url = await self._client.moved_to(url) or url
        return Remote(url=url, hosts=HOSTS, base_url=self._own_server)

    async def deep_link(self, proof: str) -> str:
        """Give the link into the community's messages; `ref` comes with the first one."""
        return f"https://vk.me/club{self._settings.group_id}?ref={proof}"

    async def close(self) -> None:
        """Let the connections go."""
        await self._names.close()
        if self._opened is not None:
            await self._opened.close()

    @property
    def _client(self) -> VkClient:
        if self._opened is None:
            http = httpx.AsyncClient(timeout=self._settings.timeout_seconds, follow_redirects=False)
            token = self._settings.token.get_secret_value()
            self._opened = VkClient(base_url=self._settings.base_url, token=token, http=http)
        return self._opened

    @property
    def _own_server(self) -> str:
        """Give the configured server, when it is not VK's own."""
        default = VkAccountSettings.model_fields["base_url"].default
        return "" if self._settings.base_url == default else self._settings.base_url


class VkCallback(VkChannel):
    """VK calls us. Meets `Registers`, `Redacts`, `Completes` and `Signs`."""

    yes = Answer(body=b"ok")

    def __init__(self, *, account: Account, settings: VkAccountSettings) -> None:
        super().__init__(account=account, settings=settings)
        self._confirmation = settings.confirmation
        self._asked = Buckets(per_second=CONFIRMATIONS / 60, burst=CONFIRMATIONS)
        secret = settings.secret
        self._secret = secret.get_secret_value() if secret is not None else ""

    def authenticate(self, delivery: Delivery) -> None:
        """Compare the secret key in the body. VK signs nothing, so whoever knows the key may write as anybody.

        A confirmation comes before VK knows the key; it may be without, and stores nothing. Raises `RefusedError`.
        """
        try:
            event = read_object(delivery.raw)
        except InvalidDeliveryError as error:
            raise RefusedError("no event of VK") from error
        if whole(event.get("group_id")) != self._settings.group_id:
            raise RefusedError("the event is of another community")
        if event.get("type") == CONFIRMATION and "secret" not in event:
            return
        given = text_of(event.get("secret"), 1000).encode()
        if not self._secret or not hmac.compare_digest(given, self._secret.encode()):
            raise RefusedError("the secret key is another one")

    def handshake(self, delivery: Delivery) -> Answer | None:
        """Answer a confirmation with the community's current string; without the secret key a few times a minute."""
        event = fields(read_object(delivery.raw))
        if event.get("type") != CONFIRMATION:
            return None
        wait = 0.0 if "secret" in event else self._asked.take("", at=delivery.received_at.timestamp())
        if wait:
            return Answer(status=429, body=b"later", headers={"retry-after": str(ceil(wait))})
        if not self._confirmation:
            return Answer(status=503, body=b"not ready")
        return Answer(body=self._confirmation.encode())

    def redacted(self, delivery: Delivery) -> Delivery:
        """Take the secret key out of what is kept."""
        event = {name: value for name, value in read_object(delivery.raw).items() if name != "secret"}
        return replace(delivery, raw=_compact(event))

    async def complete(self, delivery: Delivery) -> Delivery:
        """Ask VK for the whole of a message that it cut (raises `LaterError`: VK calls again), and who wrote it."""
        event, now = read_object(delivery.raw), delivery.received_at
        if is_cropped(event):
            event = dict(await whole_in_time(self._client, event, group_id=self._settings.group_id, now=now))
        named = await self._names.added(event, at=now)
        return replace(delivery, raw=_compact(named))

    def sign(self, delivery: Delivery) -> Delivery:
        """Write the secret key into the event, as VK does."""
        return replace(delivery, raw=_compact({**read_object(delivery.raw), "secret": self._secret}))

    async def register(self, url: str) -> None:
        """Ask for the confirmation string, and let VK call us. Raises `LaterError`, `RefusedError`."""
        group = {"group_id": self._settings.group_id}
        try:
            if not self._settings.confirmation:
                found = fields(await self._client.call("groups.getCallbackConfirmationCode", group))
                self._confirmation = text_of(found.get("code"), 64)
            server = await self._server(url)
            wanted = dict.fromkeys(EVENTS, 1)
            await self._client.call("groups.setCallbackSettings", {**group, "server_id": server, **wanted})
        except SendFailedError as error:
            raise RefusedError(f"VK refused our callback server: {error}") from None
        except SendError as error:
            raise LaterError(f"VK: {error}") from None

    async def _server(self, url: str) -> int:
        """Find our server among the community's, or add it."""
        group = {"group_id": self._settings.group_id}
        known = items(fields(await self._client.call("groups.getCallbackServers", group)).get("items"), 100)
        for item in map(fields, known):
            if item.get("url") == url and (number := whole(item.get("id"))) is not None:
                await self._client.call("groups.editCallbackServer", {**self._own(url), "server_id": number})
                return number
        answer = fields(await self._client.call("groups.addCallbackServer", self._own(url)))
        number = whole(answer.get("server_id"))
        if number is None:
            raise LaterError("VK named no callback server")
        return number

    def _own(self, url: str) -> dict[str, str | int]:
        """Describe our server, with the secret key of today."""
        return {"group_id": self._settings.group_id, "url": url, "title": "Switchboard", "secret_key": self._secret}


class VkLongPoll(VkChannel):
    """We ask VK. Meets `Poll`."""

    def authenticate(self, delivery: Delivery) -> None:
        """Take what our own poller brought, and nothing else. Raises `RefusedError`."""
        if delivery.intake != "poll":
            raise RefusedError("this community is polled")

    async def poll(self, desk: Clocked) -> None:
        """Ask until cancelled."""
        await LongPoll(
            account=self.account, group_id=self._settings.group_id, client=self._client, names=self._names
        ).run(desk)


EVENTS: Final = (
    "message_new",
    "message_reply",
    "message_edit",
    "message_allow",
    "message_deny",
    "message_read",
    "user_block",
    "user_unblock",
)


def _sent(answer: Sequence[object]) -> Sent:
    found = fields(answer[0]) if answer else {}
    number = whole(found.get("conversation_message_id"))
    if number is None:
        raise SendFailedError("VK did not say which message it made")
    return Sent(platform_id=str(number))


def _compact(event: object) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
