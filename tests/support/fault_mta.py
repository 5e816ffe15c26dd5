"""A model of a sending mail server: it keeps a mail until somebody says 250, and tries again whatever else happens.

It never sends a mail again after its 250, so every double that the store shows at the end is the receiver's.
"""

import itertools
import queue
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

RETRY_SECONDS = 0.1
PAUSE_SECONDS = 0.04
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Mail:
    """One mail. `token` stands in the first line of its text; `then` follow once it was accepted."""

    token: str
    sender: str
    raw: bytes
    then: tuple["Mail", ...] = ()


@dataclass(kw_only=True)
class Tally:
    """What became of the mails, as the sender sees it."""

    accepted: set[str] = field(default_factory=set)
    attempts: int = 0
    failures: int = 0
    permanent: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


class Mta:
    """Sends what it is supplied with over several sessions at once, until every mail has its 250.

    Each session rests `PAUSE_SECONDS` after a mail, so that a storm of a minute is thousands of mails and not more.
    """

    def __init__(self, *, port: int, recipient: str, supply: Iterator[Mail], sessions: int = 6) -> None:
        self._port = port
        self._recipient = recipient
        self._supply = supply
        self._queue: queue.Queue[Mail] = queue.Queue()
        self._open = 0
        self._in_data = 0
        self._lock = threading.Condition()
        self._ended = False
        self.tally = Tally()
        self._threads = [threading.Thread(target=self._session, daemon=True) for _ in range(sessions)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def begin_no_more(self) -> None:
        """Take nothing new from the supply; what has begun is sent to its end."""
        with self._lock:
            self._supply = iter(())

    @property
    def in_flight(self) -> int:
        """Mails handed over and not answered yet."""
        return self._in_data

    def wait_in_flight(self, accepted: int, *, seconds: float = 60) -> bool:
        """Wait until so many were accepted and another is being handed over; False when it takes too long."""
        return self._wait(lambda: len(self.tally.accepted) >= accepted and self._in_data > 0, seconds)

    def wait(self, *, seconds: float) -> None:
        """Wait until every mail was accepted."""
        if not self._wait(lambda: self._open == 0, seconds):
            waiting = self._open
            said = f"{waiting} mails still unsent after {seconds} s: {self.tally.failures} failed attempts"
            raise TimeoutError(said)

    def stop(self) -> None:
        """Let the sessions go."""
        self._ended = True
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)

    def _wait(self, true: Callable[[], bool], seconds: float) -> bool:
        with self._lock:
            return self._lock.wait_for(true, seconds)

    def _add(self, mail: Mail) -> None:
        with self._lock:
            self._open += 1
        self._queue.put(mail)

    def _session(self) -> None:
        client: smtplib.SMTP | None = None
        while not self._ended:
            mail = self._next()
            if mail is None:
                time.sleep(PAUSE_SECONDS)
                continue
            try:
                client = client or smtplib.SMTP("127.0.0.1", self._port, timeout=PATIENCE_SECONDS)
                self._send(client, mail)
            except (OSError, smtplib.SMTPException) as error:
                _close(client)
                client = None
                self._again(mail, error)
        _close(client)

    def _next(self) -> Mail | None:
        """Give a mail that waits for its next try or answers an accepted one, else a new one."""
        try:
            return self._queue.get_nowait()
        except queue.Empty:
            with self._lock:
                mail = next(self._supply, None)
                self._open += mail is not None
            return mail

    def _send(self, client: smtplib.SMTP, mail: Mail) -> None:
        with self._lock:
            self._in_data += 1
            self.tally.attempts += 1
            self._lock.notify_all()
        try:
            client.sendmail(mail.sender, [self._recipient], mail.raw)
        finally:
            with self._lock:
                self._in_data -= 1
        self._done(mail)
        time.sleep(PAUSE_SECONDS)

    def _done(self, mail: Mail) -> None:
        for reply in mail.then:
            self._add(reply)
        with self._lock:
            self._open -= 1
            self.tally.accepted.add(mail.token)
            self._lock.notify_all()

    def _again(self, mail: Mail, error: Exception) -> None:
        with self._lock:
            self.tally.failures += 1
            code = getattr(error, "smtp_code", 0)
            self.tally.reasons[f"{type(error).__name__} {code}" if code else type(error).__name__] += 1
            if 500 <= code < 600:
                self.tally.permanent.append(f"{mail.token}: {code}")
        time.sleep(RETRY_SECONDS)
        self._queue.put(mail)


def _close(client: smtplib.SMTP | None) -> None:
    if client is not None:
        client.close()


def conversations(*, replies: int, run: str) -> Iterator[Mail]:
    """Make conversations of one customer each, without end: a request, and replies that each answer the one before."""
    for number in itertools.count():
        yield _conversation(number, replies, run)


def _conversation(number: int, replies: int, run: str) -> Mail:
    sender = f"customer{number}@example.net"
    ids = [f"<{run}.{number}.{step}@example.net>" for step in range(replies + 1)]
    following: tuple[Mail, ...] = ()
    for step in range(replies, -1, -1):
        token = f"{run}-{number}-{step}"
        raw = _raw(sender, subject=f"Order {run}-{number} is late", token=token, ids=ids[: step + 1])
        following = (Mail(token=token, sender=sender, raw=raw, then=following),)
    return following[0]


def _raw(sender: str, *, subject: str, token: str, ids: list[str]) -> bytes:
    """Write the last message of a conversation whose ids these are."""
    is_reply = len(ids) > 1
    lines = [
        f"From: Customer <{sender}>",
        "To: support@example.org",
        f"Subject: {'Re: ' if is_reply else ''}{subject}",
        f"Message-ID: {ids[-1]}",
        "Date: Sun, 22 Nov 2026 10:00:00 +0000",
    ]
    if is_reply:
        lines += [f"In-Reply-To: {ids[-2]}", "References: " + " ".join(ids[:-1])]
    body = f"token {token}\r\n" + "It should have come last week.\r\n" * 40
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
