"""A relay on a free port that keeps what it is given, and answers as it was told to."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from doubles.ports import free_port


@dataclass(frozen=True, slots=True, kw_only=True)
class Relayed:
    """One mail as it came."""

    mail_from: str
    rcpt_to: tuple[str, ...]
    raw: bytes

    @property
    def mail(self) -> EmailMessage:
        """The mail, parsed."""
        return message_from_bytes(self.raw, policy=default)


@dataclass(kw_only=True)
class MailRelay:
    """`answers` by recipient are given to RCPT one after the other, the last for ever; `data` to DATA likewise."""

    answers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    data: list[str] = field(default_factory=list)
    taken: list[Relayed] = field(default_factory=list)
    sessions: int = 0
    delay: float = 0.0
    _controller: Controller | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0 while it does not."""
        return int(self._controller.port) if self._controller is not None else 0

    def start(self, port: int = 0) -> Self:
        """Listen; port 0 is a free one."""
        self._controller = Controller(self, hostname="127.0.0.1", port=port or free_port(), ready_timeout=20)
        self._controller.start()
        return self

    def stop(self) -> None:
        """Go away, as in an outage."""
        if self._controller is not None:
            self._controller.stop(no_assert=True)
            self._controller = None

    async def handle_EHLO(  # noqa: N802 - the server looks for this name
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Count a session."""
        del server, envelope
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - see above
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer as told; who is refused gets nothing of the mail."""
        del server, session, options
        answer = _next(self.answers[address.lower()])
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - see above
        """Answer as told, after `delay` seconds, and keep what was taken."""
        del server, session
        await asyncio.sleep(self.delay)
        answer = _next(self.data)
        if answer.startswith("2"):
            content: Any = envelope.content
            self.taken.append(
                Relayed(mail_from=envelope.mail_from or "", rcpt_to=tuple(envelope.rcpt_tos), raw=bytes(content))
            )
        return answer


def _next(answers: list[str]) -> str:
    if not answers:
        return "250 OK"
    return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def mail_relay() -> Iterator[MailRelay]:
    """Give a relay that listens."""
    relay = MailRelay().start()
    try:
        yield relay
    finally:
        relay.stop()
