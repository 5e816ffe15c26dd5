"""Deliveries of platforms that call us: the recorded ones of the channels' tests, each many times with ids of its own.

Every delivery is signed as its platform signs, just before a run, and is a whole HTTP request before the clock starts.
"""

import copy
import json
import random
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from connectors.base import Account, Delivery, InvalidDeliveryError, Push, RefusedError, Signs
from connectors.making import clean
from daemon.channels import channels

RECORDED: Final = Path(__file__).parents[1] / "tests" / "connectors"
SETTINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "api": {"secret": "whsec_aW52ZW50ZWQgc2VjcmV0IGZvciB0ZXN0cyBhbG9uZSE=", "tolerance_seconds": 3600},
    "telegram": {
        "token": "700000001:invented-token-of-a-shop-bot_A1",
        "intake": "webhook",
        "webhook_secret": "invented-webhook-secret_0001",
    },
    "viber": {"token": "4453b6ac12345678-invented-key-7b1"},
    "vk": {"token": "vk1.a.invented-token-of-nobody", "group_id": 20629724, "secret": "aaQ13axAPQEcczQa"},
}
"""One account a channel, named like it."""
PEOPLE: Final = 2_000
"""People who write, over all channels: records spread over the partitions."""

Vary = Callable[[dict[str, Any], int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A delivery on the wire, and the key under which its record must stand in the log."""

    request: bytes
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pattern:
    connector: Push
    vary: Vary
    content: Any


class Deliveries:
    """Makes deliveries. Two calls never make the same one; `seed` chooses the order of the recorded ones."""

    def __init__(self, *, port: int, seed: int = 0) -> None:
        self._port = port
        self._random = random.Random(seed)
        self._made = 0
        self._patterns = list(_patterns())

    @property
    def kinds(self) -> int:
        """How many recorded deliveries they come from."""
        return len(self._patterns)

    def make(self, count: int) -> list[Ready]:
        """Give so many, signed now."""
        return [self._one(self._random.choice(self._patterns)) for _ in range(count)]

    def _one(self, pattern: _Pattern) -> Ready:
        self._made += 1
        delivery = _varied(pattern, self._made)
        key = pattern.connector.normalize(delivery).message.delivery_key
        return Ready(request=_on_the_wire(delivery, self._port), key=key)


def environment() -> dict[str, str]:
    """Give the settings of the accounts, as `SWITCHBOARD_...` variables without the prefix."""
    found = {}
    for channel, settings in SETTINGS.items():
        for key, value in {"channel": channel, **settings}.items():
            found[f"ACCOUNTS__{channel.upper()}__{key.upper()}"] = str(value)
    return found


def _patterns() -> Iterator[_Pattern]:
    """Give what each channel takes by webhook and can read; two of one kind must have two delivery keys."""
    for channel, settings in SETTINGS.items():
        connector = _connector(channel, settings)
        for path in sorted((RECORDED / channel / "recorded").glob("*.json")):
            content = json.loads(path.read_text(encoding="utf-8"))["delivery"].get("json")
            if isinstance(content, dict):
                pattern = _Pattern(connector=connector, vary=VARY[channel], content=content)
                if _is_taken(pattern):
                    yield pattern


def _connector(channel: str, settings: Mapping[str, Any]) -> Push:
    model = channels()[channel].settings.model_validate({"channel": channel, **settings})
    account = Account(name=channel, channel=channel, scope=channel)
    connector = channels()[channel].connect(account=account, settings=model)
    if not isinstance(connector, Push):
        raise TypeError(f"the account of {channel} is not called by its platform")
    return connector


def _is_taken(pattern: _Pattern) -> bool:
    try:
        pair = [_varied(pattern, number) for number in (1, 2)]
        for delivery in pair:
            pattern.connector.authenticate(delivery)
        if pattern.connector.handshake(pair[0]) is not None:
            return False
        keys = {pattern.connector.normalize(delivery).message.delivery_key for delivery in pair}
    except (InvalidDeliveryError, RefusedError):
        return False
    return len(keys) == len(pair)


def _varied(pattern: _Pattern, number: int) -> Delivery:
    content = copy.deepcopy(pattern.content)
    pattern.vary(content, number)
    connector = pattern.connector
    delivery = Delivery(
        account=connector.account,
        raw=json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"),
        received_at=datetime.now(UTC),
        intake="webhook",
    )
    return connector.sign(delivery) if isinstance(connector, Signs) else delivery


def _on_the_wire(delivery: Delivery, port: int) -> bytes:
    account = delivery.account
    head = [f"POST /in/{account.channel}/{account.name} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    head += [f"{name}: {value}" for name, value in delivery.headers.items()]
    head += ["Content-Type: application/json", f"Content-Length: {len(delivery.raw)}", "User-Agent: bench", "", ""]
    return "\r\n".join(head).encode("latin-1") + delivery.raw


def _api(content: dict[str, Any], number: int) -> None:
    content["id"] = f"m{number}"
    if "conversation" in content:
        content["conversation"] = f"order-{number % PEOPLE}"
    elif isinstance(content.get("sender"), dict):
        content["sender"]["id"] = f"buyer{number % PEOPLE}@customer.example"
    if content.get("text"):
        content["text"] = f"{number}: {content['text']}"
    for file in content.get("files") or ():  # nobody sends the same bytes a hundred times a second
        if isinstance(file, dict) and "content" in file:
            file["content"] = b64encode(f"{number}: {file['content']}".encode()).decode()


def _telegram(content: dict[str, Any], number: int) -> None:
    content["update_id"] = 600_000_000 + number
    for message in content.values():
        if isinstance(message, dict) and "message_id" in message:
            message["message_id"] = 5_000 + number
            chat = message.get("chat")
            if isinstance(chat, dict) and isinstance(chat.get("id"), int) and chat["id"] > 0:
                chat["id"] = 729_000_000 + number % PEOPLE


def _viber(content: dict[str, Any], number: int) -> None:
    content["message_token"] = 5_741_311_803_571_000_000 + number
    content["timestamp"] = int(datetime.now(UTC).timestamp() * 1000)
    for person in (content.get("sender"), content.get("user")):
        if isinstance(person, dict) and isinstance(person.get("id"), str):
            person["id"] = f"{clean(person['id'])[:16]}{number % PEOPLE:06d}=="


def _vk(content: dict[str, Any], number: int) -> None:
    content["event_id"] = f"{number:026x}"
    content["secret"] = SETTINGS["vk"]["secret"]
    told = content.get("object")
    message = told.get("message", told) if isinstance(told, dict) else None
    if isinstance(message, dict) and isinstance(message.get("peer_id"), int):
        message["conversation_message_id"] = message["id"] = 10_000 + number
        if message["peer_id"] < 2_000_000_000:
            message["peer_id"] = message["from_id"] = 14_000_000 + number % PEOPLE


VARY: Final[Mapping[str, Vary]] = {"api": _api, "telegram": _telegram, "viber": _viber, "vk": _vk}


def keys_of(ready: Sequence[Ready]) -> list[str]:
    """Give the delivery keys."""
    return [one.key for one in ready]
