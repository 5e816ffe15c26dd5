"""One SMTP connection: its life, its clock, its command loop. What the commands do is in `smtp_session`.

A subclass of aiosmtpd's `SMTP`, whose session, envelope and table of commands it keeps. It replaces, as read in 1.4.6:

- its stream reader and command loop: `timeout` runs from the last command instead of the last byte, replies to
  unexpected errors are permanent and tell internals, every command with its addresses and every line of DATA is logged;
- `connection_lost` and `eof_received`: both cancel the handler, also while it stores a mail;
- STARTTLS by hand over private parts of asyncio: `loop.start_tls` does it for every loop.
"""

import asyncio
import re
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from aiosmtpd.smtp import SMTP

from connectors.intake import trace
from connectors.mail import smtp_replies as reply
from connectors.mail.settings import SmtpSettings
from connectors.mail.smtp_handler import MailHandler
from connectors.mail.smtp_inbox import (
    Inbox,
    LineTooLongError,
    PeerGoneError,
    SessionEndError,
    StoppingError,
    TooSlowError,
)
from connectors.mail.smtp_limits import ConnectionGate, Deadline
from connectors.mail.smtp_meter import SmtpMeter
from connectors.mail.smtp_spool import Room

log = structlog.get_logger(__name__)

BREATH: Final = 64
"""Pipelined commands in a row before other connections get their turn."""

LINGER: Final = 5.0
"""Seconds that a closed connection has to take its last reply."""

_WEB: Final = frozenset({b"GET", b"POST", b"PUT", b"HEAD", b"OPTIONS", b"CONNECT", b"PATCH", b"DELETE"})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")

Command = Callable[[str | None], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What all connections of a listener share."""

    settings: SmtpSettings
    handler: MailHandler
    gate: ConnectionGate
    room: Room
    tls: ssl.SSLContext | None
    meter: SmtpMeter
    connections: "set[SmtpConnection]"


class SmtpConnection(SMTP):
    """One connection from greeting to goodbye."""

    def __init__(self, *, shared: Shared, loop: asyncio.AbstractEventLoop) -> None:
        settings = shared.settings
        super().__init__(
            shared.handler,
            hostname=settings.hostname,
            data_size_limit=settings.max_mail_bytes,
            enable_SMTPUTF8=True,
            tls_context=shared.tls,
            loop=loop,
        )
        self.shared = shared
        self.settings = settings
        self.inbox = Inbox(loop=loop)
        self.deadline = Deadline(loop=loop, passed=self._too_slow)
        self.wire: asyncio.Transport | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._lost: asyncio.Future[None] = loop.create_future()
        self.peer = ""
        self.secure = False
        self._stopping = False
        self._closing = False
        self._busy_with_mail = False
        self._errors = 0

    # -- what the event loop calls ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet the peer and begin to take commands, or say at once that there are too many."""
        # Not aiosmtpd's: it logs the peer and starts a timer of its own.
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self.session = self._create_session()
        self._set_rset_state()
        self.use(cast("asyncio.Transport", transport))  # uvloop's transports are not derived from asyncio's
        self.peer = _peer_address(transport)
        if not self.shared.gate.enter(self.peer):
            self._say(reply.STOPPING if self.shared.gate.shut else reply.TOO_MANY_CONNECTIONS)
            self._hang_up()
            return
        self.shared.connections.add(self)
        self.shared.meter.connection(1)
        self._handler_coroutine = self.loop.create_task(self._handle_client())
        self._handler_coroutine.add_done_callback(self._left)

    def use(self, transport: asyncio.Transport) -> None:
        """Read and write here from now on."""
        self.transport = self.wire = transport
        self.inbox.attach(transport)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the transport."""
        self.inbox.feed(data)

    def eof_received(self) -> bool:
        """Answer what was sent before the end: a peer may close its half early (not within TLS)."""
        self.inbox.fail(PeerGoneError())
        return not self.secure

    def connection_lost(self, exc: Exception | None) -> None:
        """Wake whoever reads or writes. A mail that is being stored goes on being stored."""
        asyncio.StreamReaderProtocol.connection_lost(self, exc)
        self.transport = self.wire = None
        if self._linger is not None:
            self._linger.cancel()
        if not self._lost.done():
            self._lost.set_result(None)
        self.inbox.fail(PeerGoneError())

    # -- what the listener calls -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Take no new mail; one whose DATA has begun may end."""
        self._stopping = True
        if not self._busy_with_mail:
            self.inbox.fail(StoppingError())

    def stop_now(self) -> None:
        """Tell the client to come again, whatever is going on."""
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()

    async def over(self) -> None:
        """Wait until the session has ended."""
        if self._handler_coroutine is not None:
            await asyncio.wait((self._handler_coroutine,))

    async def gone(self) -> None:
        """Wait until the connection is closed and everything said is sent."""
        await asyncio.wait((self._lost,))

    def abort(self) -> None:
        """Drop the connection with whatever is unsent."""
        if self.wire is not None:
            self.wire.abort()

    # -- the session -----------------------------------------------------------------------------------------------

    def _set_rset_state(self) -> None:
        self.envelope = self._create_envelope()

    async def _handle_client(self) -> None:
        try:
            self.deadline.set(self.settings.command_seconds)
            await self.push(f"220 {self.hostname} ESMTP Switchboard")
            await self._take_commands()
        except TooSlowError:
            self._say(reply.TOO_SLOW)
        except StoppingError:
            self._say(reply.STOPPING)
        except asyncio.CancelledError:
            self._say(reply.LATER_CLOSED if self._busy_with_mail else reply.STOPPING)
        except (SessionEndError, ConnectionError):
            pass  # nobody is there to be told
        finally:
            self.deadline.close()
            self._hang_up()
            self.inbox.clear()  # connections are cycles of objects, which wait for the garbage collector

    async def _take_commands(self) -> None:
        for count in range(self.settings.max_commands):
            if self._stopping:
                raise StoppingError
            if count % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            self.deadline.set(self.settings.command_seconds)
            try:
                line = await self.inbox.line(self.settings.max_line_bytes)
            except LineTooLongError:
                await self.push(reply.LINE_TOO_LONG)
            else:
                await self._take(line)
            if self._closing:
                return
        await self._part(reply.TOO_MANY_COMMANDS)

    async def _take(self, line: bytes) -> None:
        verb, _, argument = line.partition(b" ")
        verb = verb.upper()
        if verb in _WEB or verb.endswith(b":"):
            await self._part(reply.NOT_MAIL)  # a browser that was sent to our port (cross-protocol attack)
            return
        command, text = self._command(verb), _text(argument)
        if command is None or text is None:
            await self.push(reply.BAD_COMMAND)
            return
        try:
            await command(text or None)
        except (SessionEndError, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is ours: the client shall try again
            await self._unexpected(error)

    def _command(self, verb: bytes) -> Command | None:
        method: Command | None = self._smtp_methods.get(verb.decode("ascii", "replace"))
        return method

    async def _unexpected(self, error: Exception) -> None:
        answer = await self.handle_exception(error)
        if self._busy_with_mail:
            await self._part(answer)  # where the mail ends is not known: what follows could be taken for commands
        else:
            await self.push(answer)

    async def handle_exception(self, error: Exception) -> str:
        """Log what went wrong without any text of the mail; the client hears only that it shall try again."""
        log.error("smtp_command_failed", error=type(error).__name__, trace=trace(error))
        return reply.LATER

    # -- replies ---------------------------------------------------------------------------------------------------

    async def push(self, status: str | bytes) -> None:
        """Send a reply and wait until the peer has taken enough. Counts refusals; too many of them end the session."""
        text = status if isinstance(status, str) else status.decode()
        self._say(text)
        if text.startswith("5"):
            self._errors += 1
            if self._errors > self.settings.max_errors:
                self._say(reply.TOO_MANY_ERRORS)
                self._closing = True
        if self.wire is not None:
            await self._writer.drain()

    async def _part(self, status: str) -> None:
        self._closing = True
        await self.push(status)

    def forgive(self) -> None:
        """Forget refusals: the client has delivered a mail."""
        self._errors = 0

    def _say(self, text: str) -> None:
        self.shared.meter.reply(text[:3])
        if self.wire is not None and not self.wire.is_closing():
            self.wire.write(text.encode() + b"\r\n")

    def _too_slow(self) -> None:
        if self.inbox.waiting:
            self.inbox.fail(TooSlowError())
        else:
            self.abort()  # it does not take its replies

    def _hang_up(self) -> None:
        if self.wire is None:
            return
        self._linger = self.loop.call_later(LINGER, self.wire.abort)
        self.wire.close()

    def _left(self, task: asyncio.Task[None]) -> None:
        self.shared.gate.leave(self.peer)
        self.shared.connections.discard(self)
        self.shared.meter.connection(-1)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("smtp_session_failed", error=type(error).__name__, trace=trace(error))


def _text(argument: bytes) -> str | None:
    """Decode a command's argument; None when it is not UTF-8 or holds control characters."""
    try:
        text = argument.decode().strip(" \t")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _peer_address(transport: asyncio.BaseTransport) -> str:
    name = transport.get_extra_info("peername")
    return str(name[0])[:64] if isinstance(name, tuple) else ""
