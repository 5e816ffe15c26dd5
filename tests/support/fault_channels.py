"""Platforms that call us and platforms that we poll, while processes are killed (C46 of the contract).

A caller sends a message until it hears 202, and never again after that; VK on loopback keeps its events until they are
asked for by a later number. A channel with sockets of its own adds a class like these two, and hands it to `storm`.
"""

import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from fault_storm import Outcome, outcome_of
from running_daemon import RunningDaemon

from connectors.api.signature import signed_headers
from doubles.ports import free_port
from doubles.vk import VkDouble, vk_double

KEY = b"invented secret for tests alone!"
SECRET = "whsec_aW52ZW50ZWQgc2VjcmV0IGZvciB0ZXN0cyBhbG9uZSE="
TOKEN = "vk1.a.invented-token-of-nobody"
GROUP = 20629724
STEPS = 4
PAUSE = 0.05
CALLERS = 4
KILLS = 6
BETWEEN = 25
"""Messages of each kind that are kept between two kills, at least."""


class Traffic(Protocol):
    """Something that sends while processes are killed. `taken` are messages that the other side knows to be kept."""

    taken: set[str]

    @property
    def in_flight(self) -> int:
        """Messages handed over and not answered."""
        ...

    def start(self) -> None:
        """Begin."""

    def finish(self) -> None:
        """Begin nothing new, and return when everything that was begun is kept."""


class Callers:
    """Threads that post signed messages, each a conversation after the other."""

    def __init__(self, port: int, *, run: str = "push", callers: int = CALLERS) -> None:
        self._port = port
        self._name = run
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._open = 0
        self.taken: set[str] = set()
        self.statuses: set[int] = set()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]

    @property
    def in_flight(self) -> int:
        """Requests that wait for their answer."""
        return self._open

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Let every thread end its conversation."""
        self._ended.set()
        for thread in self._threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in self._threads), "a message was never taken"

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                number = next(self._numbers)
            for step in range(STEPS):
                self.send(f"{self._name}-{number}-{step}", f"{self._name}-customer-{number}")
                time.sleep(PAUSE)

    def send(self, token: str, sender: str) -> None:
        """Send one message until it is taken."""
        body = json.dumps({"id": token, "sender": {"id": sender}, "text": f"token {token}\nby push"}).encode()
        while self._status(body, token) != http.client.ACCEPTED:
            time.sleep(0.1)
        with self._lock:
            self.taken.add(token)

    def _status(self, body: bytes, token: str) -> int:
        headers = signed_headers(body, keys=[KEY], request=token, at=datetime.now(UTC))
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        with self._lock:
            self._open += 1
        try:
            connection.request("POST", "/in/api/erp", body, headers)
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
        finally:
            connection.close()
            with self._lock:
                self._open -= 1
        self.statuses.add(status)
        return status


class Polled:
    """People who write to a community at VK, whose events wait until they are asked for."""

    def __init__(self, vk: VkDouble) -> None:
        self._vk = vk
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.taken: set[str] = set()

    @property
    def in_flight(self) -> int:
        """Nobody waits for an answer here: there is always something."""
        return 1

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Write no more; the platform keeps what was written."""
        self._ended.set()
        self._thread.join(10)

    def _run(self) -> None:
        for number in itertools.count():
            for step in range(STEPS):
                if self._ended.is_set():
                    return
                token = f"poll-{number}-{step}"
                self._vk.happen("message_new", self._vk.community.write(10_000 + number, f"token {token}\nby poll"))
                self.taken.add(token)
                time.sleep(PAUSE)


@contextmanager
def channels(more: Mapping[str, str] | None = None) -> Iterator[tuple[Mapping[str, str], int, VkDouble]]:
    """Give the settings of a daemon with one account that is called and one that polls, its port, and VK."""
    with vk_double(token=TOKEN, group_id=GROUP) as vk:
        port = free_port()
        settings = {
            "SWITCHBOARD_INTAKE__PORT": str(port),
            "SWITCHBOARD_ACCOUNTS__ERP__CHANNEL": "api",
            "SWITCHBOARD_ACCOUNTS__ERP__SECRET": SECRET,
            "SWITCHBOARD_ACCOUNTS__CLUB__CHANNEL": "vk",
            "SWITCHBOARD_ACCOUNTS__CLUB__GROUP_ID": str(GROUP),
            "SWITCHBOARD_ACCOUNTS__CLUB__TOKEN": TOKEN,
            "SWITCHBOARD_ACCOUNTS__CLUB__INTAKE": "longpoll",
            "SWITCHBOARD_ACCOUNTS__CLUB__BASE_URL": vk.base_url,
            **(more or {}),
        }
        yield settings, port, vk


def storm(daemon: RunningDaemon, traffic: Sequence[Traffic], victims: Sequence[Callable[[], None]]) -> Outcome:
    """Kill one victim after the other while everything sends."""
    assert len(victims) >= KILLS
    for one in traffic:
        one.start()
    hit = []
    for kill in victims:
        hit.append(_wait_in_flight(traffic))
        kill()
    for one in traffic:
        one.finish()
    return outcome_of(daemon, hit, set().union(*(one.taken for one in traffic)))


def _wait_in_flight(traffic: Sequence[Traffic]) -> int:
    """Wait until every kind has had some messages kept since the last kill, and is handing over another."""
    wanted = [len(one.taken) + BETWEEN for one in traffic]
    give_up = time.monotonic() + 90
    while not all(len(one.taken) >= least and one.in_flight for one, least in zip(traffic, wanted, strict=True)):
        assert time.monotonic() < give_up, "nothing is being handed over"
        time.sleep(0.002)
    return min(one.in_flight for one in traffic)
