"""Everybody who sends to one daemon while a fault strikes: a mail server, a platform that calls, pages that chat.

Each keeps a message until it hears yes, and brings it again until then; what was accepted is never sent again. So a
message that is missing at the end was lost by the receiver, and one that stands twice was doubled by it. Beside each
third conversation a stranger writes who quotes it, and must not come to stand on its ticket.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from fault_channels import Callers
from fault_mta import Mail, Mta, conversations
from fault_sockets import Pages

REPLIES: Final = 2
SESSIONS: Final = 3
CALLERS: Final = 2
EACH: Final = 3
"""Conversations to one stranger."""
LATER_MAIL: Final = "SMTPDataError 451"
LATER_CALL: Final = 503
STRANGER: Final = "x"
"""Ends the name of a run in the tokens of strangers."""


class Senders:
    """All senders of one run, whose name begins every token that they write."""

    def __init__(
        self, *, run: str, smtp_port: int, http_port: int, sessions: int = SESSIONS, callers: int = CALLERS
    ) -> None:
        self.run = run
        self._mta = Mta(port=smtp_port, recipient="support@example.org", supply=_supply(run), sessions=sessions)
        self._callers = Callers(http_port, run=f"{run}push", callers=callers)
        self._pages = Pages(http_port, "shop", run=f"{run}socket", pages=1)

    def start(self) -> None:
        """Begin."""
        for one in (self._mta, self._callers, self._pages):
            one.start()

    @property
    def accepted(self) -> frozenset[str]:
        """Tokens of messages for which somebody said yes."""
        return frozenset(self._mta.tally.accepted | self._callers.taken | self._pages.taken)

    @property
    def in_flight(self) -> int:
        """Messages handed over and not answered yet."""
        return self._mta.in_flight + self._callers.in_flight + self._pages.in_flight

    @property
    def refused(self) -> list[str]:
        """What was refused for good, or with a status that no fault of ours may have."""
        odd = sorted(status for status in self._callers.statuses if status not in (202, 503))
        return [*self._mta.tally.permanent, *(f"HTTP {status}" for status in odd)]

    @property
    def failures(self) -> str:
        """Attempts of the mail server that had to be made again, with what most of them met."""
        reasons = self._mta.tally.reasons.most_common(1)
        return f"{self._mta.tally.failures} ({reasons[0][0]})" if reasons else "0"

    def wait_accepted(self, more: int, *, seconds: float) -> None:
        """Wait until so many messages more have a yes."""
        wanted = len(self.accepted) + more
        give_up = time.monotonic() + seconds
        while len(self.accepted) < wanted:
            assert time.monotonic() < give_up, f"nothing is accepted any more, after {len(self.accepted)} messages"
            time.sleep(0.02)

    def wait_later(self, *, seconds: float) -> None:
        """Wait until a mail server and a platform that calls have been told to come later, from now on."""
        reasons, before = self._mta.tally.reasons, self._mta.tally.reasons[LATER_MAIL]
        self._callers.statuses.discard(LATER_CALL)
        give_up = time.monotonic() + seconds
        while reasons[LATER_MAIL] == before or LATER_CALL not in self._callers.statuses:
            assert time.monotonic() < give_up, f"nobody was told to come later: {reasons}, {self._callers.statuses}"
            time.sleep(0.05)

    def finish(self, *, seconds: float) -> None:
        """Begin nothing new, and return when everything that was begun has its yes."""
        self._mta.begin_no_more()
        self._callers.finish()
        self._pages.finish()
        self._mta.wait(seconds=seconds)
        self._mta.stop()


def _supply(run: str) -> Iterator[Mail]:
    for number, mail in enumerate(conversations(replies=REPLIES, run=f"{run}mail")):
        yield mail if number % EACH else replace(mail, then=(*mail.then, _stranger(run, number)))


def _stranger(run: str, number: int) -> Mail:
    """Write as somebody who quotes a conversation in which they have no part; it has begun by then."""
    sender = f"stranger{number}@elsewhere.example"
    token = f"{run}{STRANGER}-{number}-0"
    quoted = f"<{run}mail.{number}.0@example.net>"
    lines = [
        f"From: Stranger <{sender}>",
        "To: support@example.org",
        "Subject: I want to see that answer",
        f"Message-ID: <{run}.stranger.{number}@elsewhere.example>",
        "Date: Sun, 22 Nov 2026 10:00:00 +0000",
        f"In-Reply-To: {quoted}",
        f"References: {quoted}",
    ]
    return Mail(token=token, sender=sender, raw=("\r\n".join(lines) + f"\r\n\r\ntoken {token}\r\nHello\r\n").encode())


RUNS: Final = itertools.count(1)


def next_run() -> str:
    """Give a name that no other run of this process has."""
    return f"r{next(RUNS)}"
