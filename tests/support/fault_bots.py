"""Bots while processes are killed: Telegram that is asked for updates, and Viber that calls until it hears yes."""

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from fault_hooks import PAUSE, STEPS, CalledByTelegram

from doubles.telegram import TelegramDouble, telegram_double
from doubles.viber import ViberDouble, viber_double

ASKED_TOKEN = "700000002:invented-token-of-a-polled-bot_B2"
VIBER_TOKEN = "4453b6ac12345678-invented-key-9c4"


class AskedTelegram(CalledByTelegram):
    """People who write to a bot that asks for its updates; an offset that is asked for confirms what is below it."""

    word = "asked"

    @property
    def in_flight(self) -> int:
        """Nobody waits for an answer here: there is always something."""
        return 1


class CalledByViber:
    """People who write to a Viber bot, each conversation after the other."""

    def __init__(self, viber: ViberDouble) -> None:
        self._viber = viber
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._calling = 0
        self.taken: set[str] = set()

    @property
    def in_flight(self) -> int:
        """Calls that wait for their answer."""
        return self._calling

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Let the last message be taken."""
        self._ended.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "a message was never taken"

    def _run(self) -> None:
        for number in itertools.count():
            person = self._viber.person("Oksana", id_=f"oksana-{number}-invented-id==")
            for step in range(STEPS):
                if self._ended.is_set():
                    return
                token = f"viber-{number}-{step}"
                self._calling = 1
                self._viber.write(person, {"type": "text", "text": f"token {token}\nby viber"})
                self._calling = 0
                self.taken.add(token)
                time.sleep(PAUSE)


@contextmanager
def bots(port: int) -> Iterator[tuple[dict[str, str], ViberDouble, TelegramDouble]]:
    """Give the settings of a Viber bot that is called and a Telegram bot that asks, and the platforms of both."""
    with viber_double(VIBER_TOKEN) as viber, telegram_double(ASKED_TOKEN) as telegram:
        given = {
            "INTAKE__PUBLIC_URL": f"http://127.0.0.1:{port}",
            "ACCOUNTS__STORE__CHANNEL": "viber",
            "ACCOUNTS__STORE__TOKEN": VIBER_TOKEN,
            "ACCOUNTS__STORE__BASE_URL": viber.base_url,
            "ACCOUNTS__ASKED__CHANNEL": "telegram",
            "ACCOUNTS__ASKED__TOKEN": ASKED_TOKEN,
            "ACCOUNTS__ASKED__BASE_URL": telegram.base_url,
            "ACCOUNTS__ASKED__POLL_SECONDS": "5",
        }
        yield {f"SWITCHBOARD_{name}": value for name, value in given.items()}, viber, telegram
