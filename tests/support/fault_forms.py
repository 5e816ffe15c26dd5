"""People who fill in a form and go on in its dialogue while processes are killed (C46 of the contract).

As the page does, each tries a request under one client id until it hears 202, and never again after that.
"""

import http.client
import itertools
import json
import threading
import time
from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from running_daemon import RunningDaemon

SECRET = "an invented secret of a form for tests"
PEOPLE = 2
STEPS = 4
PAUSE = 0.05


def form_account(name: str) -> Mapping[str, str]:
    """Settings of a form that nobody is too fast for, or too many."""
    prefix = f"SWITCHBOARD_ACCOUNTS__{name.upper()}__"
    return {
        f"{prefix}CHANNEL": "webform",
        f"{prefix}SECRET": SECRET,
        f"{prefix}LEAST_SECONDS": "0",
        f"{prefix}BEHIND_PROXY": "true",
        f"{prefix}REQUESTS_PER_HOUR_LINK": "1000000",
    }


class Forms:
    """Threads that send requests by one link, each with its dialogue, one after the other. Meets `Traffic`."""

    def __init__(self, daemon: RunningDaemon, port: int, account: str) -> None:
        link = daemon.cli("form-links", "create", account).stdout.strip()
        self._link = link.rpartition("/")[2]
        self._at = (port, f"/webform/{account}/api/")
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._open = 0
        self.taken: set[str] = set()
        self.statuses: set[int] = set()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(PEOPLE)]

    @property
    def in_flight(self) -> int:
        """Calls that wait for their answer."""
        return self._open

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Let everybody end their dialogue."""
        self._ended.set()
        for thread in self._threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in self._threads), "a request was never taken"

    def _run(self) -> None:
        while not self._ended.is_set():
            with self._lock:
                number = next(self._numbers)
            self._dialogue(number, f"10.0.{number // 250}.{number % 250}")

    def _dialogue(self, number: int, address: str) -> None:
        client = {"link": self._link, "client": token_hex(16)}
        stamp = self._until(200, "start", client, "", address)["stamp"]
        words = {"name": "Ana", "text": f"token form-{number}-0\nby form"}
        token = self._until(202, "send", words, stamp, address)["dialogue"]
        self.taken.add(f"form-{number}-0")
        for step in range(1, STEPS):
            time.sleep(PAUSE)
            said = {"id": f"m{step}", "text": f"token form-{number}-{step}\nby form"}
            self._until(202, "say", said, token, address)
            self.taken.add(f"form-{number}-{step}")

    def _until(self, wanted: int, path: str, facts: Mapping[str, Any], token: str, address: str) -> dict[str, Any]:
        while True:
            status, answer = self._call(path, facts, token, address)
            if status:
                self.statuses.add(status)
            if status == wanted:
                found: dict[str, Any] = json.loads(answer)
                return found
            time.sleep(0.1)

    def _call(self, path: str, facts: Mapping[str, Any], token: str, address: str) -> tuple[int, bytes]:
        port, base = self._at
        headers = {"authorization": f"Bearer {token}", "x-forwarded-for": address}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        with self._lock:
            self._open += 1
        try:
            connection.request("POST", base + path, json.dumps(facts), headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()
            with self._lock:
                self._open -= 1
