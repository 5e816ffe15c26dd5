"""Customers at messengers. Their platforms are doubles on loopback, with the platforms' own rules."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from daemon.demo.customers import Account, Heard
from doubles.telegram import TelegramDouble, telegram_double
from doubles.viber import ViberDouble, viber_double
from doubles.vk import VkDouble, vk_double

OLGA: Final = 5100200300
ANNA: Final = 14887001
GROUP: Final = 20629724


class TelegramCustomer:
    """Writes to a bot that is polled: no port is opened to the world."""

    channel, account, name = "telegram", "shop", "Olga"
    state = "sent"
    words = "The parcel came without the charger."

    def __init__(self, platform: TelegramDouble) -> None:
        self._platform = platform
        platform.world.person(OLGA, self.name)

    def settings(self) -> Account:
        """Give the bot's settings."""
        return {"TOKEN": self._platform.token, "BASE_URL": self._platform.base_url}

    def is_reachable(self) -> bool:
        """Whether somebody polls."""
        return bool(self._platform.polls)

    def write(self, intake: str) -> None:
        """Write to the bot; the update waits until it is confirmed."""
        del intake
        self._platform.world.write(OLGA, text=self.words)

    def heard(self) -> Heard | None:
        """Give what stands in the chat."""
        ours = [one for one in self._platform.world.messages if one["from"]["is_bot"]]
        return Heard(text=ours[-1]["text"], seen=f"message {ours[-1]['message_id']} in her chat") if ours else None


class ViberCustomer:
    """Writes to a bot whose webhook is called with signatures; tells that she got and saw the answer."""

    channel, account, name = "viber", "store", "Oksana"
    state = "seen"
    words = "Коли прийде моє замовлення 4417?"

    def __init__(self, platform: ViberDouble) -> None:
        self._platform = platform
        self._person = platform.person(self.name)
        self._told = False

    def settings(self) -> Account:
        """Give the bot's settings."""
        return {"TOKEN": self._platform.token, "BASE_URL": self._platform.base_url, "SENDER_NAME": "Example Store"}

    def is_reachable(self) -> bool:
        """Whether the daemon has registered its webhook."""
        return bool(self._platform.webhook)

    def write(self, intake: str) -> None:
        """Write to the bot; Viber calls until it hears 200."""
        del intake
        self._platform.write(self._person, {"type": "text", "text": self.words})

    def heard(self) -> Heard | None:
        """Give what she got; her phone says so once."""
        if not self._platform.got:
            return None
        got = self._platform.got[-1]
        if not self._told:
            self._told = True
            for event in ("delivered", "seen"):
                self._platform.receipt(event, got)
        return Heard(text=str(got.body["text"]), seen="delivered and seen on her phone")


class VkCustomer:
    """Writes to a community whose events are called back."""

    channel, account, name = "vk", "club", "Anna"
    state = "sent"
    words = "Когда откроется студия?"

    def __init__(self, platform: VkDouble) -> None:
        self._platform = platform
        platform.community.people[ANNA] = (self.name, "Ivanova")

    def settings(self) -> Account:
        """Give the community's settings."""
        community = self._platform.community
        return {
            "TOKEN": community.token,
            "GROUP_ID": str(community.group_id),
            "SECRET": community.secret,
            "BASE_URL": self._platform.base_url,
        }

    def is_reachable(self) -> bool:
        """Whether the daemon has confirmed its address and chosen events."""
        return bool(self._platform.community.wanted)

    def write(self, intake: str) -> None:
        """Write into the conversation; VK calls until it hears ok."""
        del intake
        self._platform.happen("message_new", self._platform.community.write(ANNA, self.words))

    def heard(self) -> Heard | None:
        """Give what stands in the conversation."""
        ours = [one for one in self._platform.community.history[str(ANNA)] if one["from_id"] < 0]
        if not ours:
            return None
        return Heard(text=ours[-1]["text"], seen=f"message {ours[-1]['conversation_message_id']} of her conversation")


@contextmanager
def telegram_customer() -> Iterator[TelegramCustomer]:
    """Run Telegram while the demo runs."""
    with telegram_double(f"700000001:{secrets.token_urlsafe(24)}") as platform:
        yield TelegramCustomer(platform)


@contextmanager
def viber_customer() -> Iterator[ViberCustomer]:
    """Run Viber while the demo runs."""
    with viber_double(secrets.token_hex(24)) as platform:
        yield ViberCustomer(platform)


@contextmanager
def vk_customer() -> Iterator[VkCustomer]:
    """Run VK while the demo runs."""
    with vk_double(token=f"vk1.a.{secrets.token_urlsafe(24)}", group_id=GROUP, secret=secrets.token_hex(12)) as found:
        yield VkCustomer(found)
