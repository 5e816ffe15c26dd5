"""Platforms that call our webhooks while processes are killed: Telegram and VK, one event after the other.

Both keep an event until it is taken and call again; what was taken is never sent again.
"""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from doubles.telegram import TelegramDouble, telegram_double
from doubles.vk import VkDouble, vk_double

VK_TOKEN = "vk1.a.invented-token-of-nobody-else"
VK_SECRET = "aaQ13axAPQEcczQa"
VK_GROUP = 20629725
BOT_TOKEN = "700000001:invented-token-of-a-shop-bot_A1"
BOT_SECRET = "invented-webhook-secret_0001"
STEPS = 4
PAUSE = 0.02
AHEAD = 4
"""Updates that wait at Telegram."""
FIRST_PERSON = 5_100_000_000
FIRST_USER = 20_000


class CalledByVk:
    """People who write to a community that calls us."""

    def __init__(self, vk: VkDouble) -> None:
        self._vk = vk
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.taken: set[str] = set()

    @property
    def in_flight(self) -> int:
        """Calls that wait for their answer."""
        return self._vk.calling

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Let the last event be taken."""
        self._ended.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "an event was never taken"

    def _run(self) -> None:
        for number in itertools.count():
            for step in range(STEPS):
                if self._ended.is_set():
                    return
                token = f"callback-{number}-{step}"
                self._vk.happen("message_new", self._vk.community.write(FIRST_USER + number, f"token {token}\nby call"))
                self.taken.add(token)
                time.sleep(PAUSE)


class CalledByTelegram:
    """People who write to a bot whose updates are pushed. `word` begins their tokens."""

    word = "update"

    def __init__(self, telegram: TelegramDouble) -> None:
        self._telegram = telegram
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._written: list[str] = []
        self.taken: set[str] = set()

    @property
    def in_flight(self) -> int:
        """Calls that wait for their answer."""
        return self._telegram.calling

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Let every update be taken."""
        self._ended.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "an update was never taken"

    def _run(self) -> None:
        for number in itertools.count():
            self._telegram.world.person(FIRST_PERSON + number, "Olga")
            for step in range(STEPS):
                self._wait(AHEAD)
                if self._ended.is_set():
                    self._wait(0)
                    return
                token = f"{self.word}-{number}-{step}"
                self._written.append(token)
                self._telegram.world.write(FIRST_PERSON + number, text=f"token {token}\nby update")

    def _wait(self, most: int) -> None:
        """Wait until no more than so many updates wait, and count what was taken."""
        while len(self._telegram.world.queue) > most:
            time.sleep(PAUSE)
        self.taken.update(self._written[: len(self._written) - most])


@contextmanager
def hooks(port: int) -> Iterator[tuple[dict[str, str], VkDouble, TelegramDouble]]:
    """Give the settings of two accounts that are called, and who calls them."""
    with vk_double(token=VK_TOKEN, group_id=VK_GROUP, secret=VK_SECRET) as vk, telegram_double(BOT_TOKEN) as telegram:
        given = {
            "INTAKE__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "ACCOUNTS__WALL__CHANNEL": "vk",
            "ACCOUNTS__WALL__GROUP_ID": str(VK_GROUP),
            "ACCOUNTS__WALL__TOKEN": VK_TOKEN,
            "ACCOUNTS__WALL__SECRET": VK_SECRET,
            "ACCOUNTS__WALL__INTAKE": "callback",
            "ACCOUNTS__WALL__BASE_URL": vk.base_url,
            "ACCOUNTS__BOT__CHANNEL": "telegram",
            "ACCOUNTS__BOT__TOKEN": BOT_TOKEN,
            "ACCOUNTS__BOT__BASE_URL": telegram.base_url,
            "ACCOUNTS__BOT__INTAKE": "webhook",
            "ACCOUNTS__BOT__WEBHOOK_SECRET": BOT_SECRET,
        }
        yield {f"SWITCHBOARD_{name}": value for name, value in given.items()}, vk, telegram
