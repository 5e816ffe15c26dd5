"""The SMTP commands (RFC 5321), with SIZE, 8BITMIME, SMTPUTF8, PIPELINING, ENHANCEDSTATUSCODES and STARTTLS.

Not offered: AUTH (nobody sends through us), CHUNKING (BDAT counts bytes, and every second way to end a mail is a way to
smuggle one), DSN. Addresses in UTF-8 are taken without the SMTPUTF8 keyword too: a forgotten keyword is no reason to
lose a customer's mail.
"""

import asyncio
import ssl
from typing import Final

from aiosmtpd.smtp import Envelope

from connectors.base import LaterError
from connectors.mail import smtp_replies as reply
from connectors.mail.smtp_address import parse_path
from connectors.mail.smtp_connection import LINGER, SmtpConnection
from connectors.mail.smtp_data import DataReader
from connectors.mail.smtp_handler import Mail
from connectors.mail.smtp_inbox import PeerGoneError
from connectors.mail.smtp_spool import Body

MAX_HELO: Final = 255
MAX_SIZE_DIGITS: Final = 20


class MailEnvelope(Envelope):
    """aiosmtpd's envelope with ours inside; `mail` is None until MAIL."""

    mail: Mail | None = None


class SmtpSession(SmtpConnection):
    """One SMTP session."""

    def _set_rset_state(self) -> None:
        self.envelope = MailEnvelope()

    @property
    def _mail(self) -> Mail | None:
        return self.envelope.mail if isinstance(self.envelope, MailEnvelope) else None

    # -- greeting --------------------------------------------------------------------------------------------------

    async def smtp_HELO(self, hostname: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Greet an old client."""
        await self.push(f"250 {self.hostname}" if self._greeted(hostname, extended=False) else reply.HELO_SYNTAX)

    async def smtp_EHLO(self, hostname: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Greet a client and tell it what we can."""
        if not self._greeted(hostname, extended=True):
            await self.push(reply.HELO_SYNTAX)
            return
        await self.push("\r\n".join([*(f"250-{line}" for line in self._extensions()), "250 ENHANCEDSTATUSCODES"]))

    def _extensions(self) -> list[str]:
        starttls = ["STARTTLS"] if self.tls_context is not None and not self.secure else []
        return [self.hostname, f"SIZE {self.settings.max_mail_bytes}", "8BITMIME", "SMTPUTF8", "PIPELINING", *starttls]

    def _greeted(self, hostname: str | None, *, extended: bool) -> bool:
        if not hostname or self.session is None:
            return False
        self._set_rset_state()
        self.session.host_name = hostname[:MAX_HELO]
        self.session.extended_smtp = extended
        return True

    # -- envelope --------------------------------------------------------------------------------------------------

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Begin a mail."""
        await self.push(self._begin(arg or ""))

    def _begin(self, arg: str) -> str:
        if self.session is None or not self.session.host_name:
            return reply.HELO_FIRST
        if self._mail is not None:
            return reply.NESTED_MAIL
        if arg[:5].upper() != "FROM:":
            return reply.MAIL_SYNTAX
        path = parse_path(arg[5:])
        if path is None or "@" not in (path.address or "@"):
            return reply.BAD_SENDER
        refusal = self._refuse_parameters(path.parameters)
        if refusal is not None:
            return refusal
        return self._open(path.address, self.session.host_name)

    def _open(self, sender: str, helo: str) -> str:
        try:
            self.shared.handler.check()
        except LaterError:
            return reply.LATER_CLOSED
        if isinstance(self.envelope, MailEnvelope):
            self.envelope.mail = Mail(peer=self.peer, helo=helo, tls=self.secure, mail_from=sender)
        return reply.SENDER_OK

    def _refuse_parameters(self, parameters: tuple[str, ...]) -> str | None:
        for parameter in parameters:
            name, _, value = parameter.upper().partition("=")
            refusal = self._refuse_parameter(name, value)
            if refusal is not None:
                return refusal
        return None

    def _refuse_parameter(self, name: str, value: str) -> str | None:
        if name == "SIZE":
            if not (value.isascii() and value.isdigit() and len(value) <= MAX_SIZE_DIGITS):
                return reply.BAD_SIZE
            return reply.TOO_LARGE if int(value) > self.settings.max_mail_bytes else None
        if name == "BODY":
            return None if value in {"7BIT", "8BITMIME"} else reply.BAD_BODY
        return None if name == "SMTPUTF8" and not value else reply.UNKNOWN_PARAMETER

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Add a recipient, if it is ours."""
        await self.push(self._add_recipient(arg or ""))

    def _add_recipient(self, arg: str) -> str:
        mail = self._mail
        if mail is None:
            return reply.MAIL_FIRST
        if arg[:3].upper() != "TO:":
            return reply.RCPT_SYNTAX
        path = parse_path(arg[3:])
        if path is None or not path.address:
            return reply.BAD_RECIPIENT
        return reply.UNKNOWN_PARAMETER if path.parameters else self._admit(mail, path.address)

    def _admit(self, mail: Mail, address: str) -> str:
        if len(mail.recipients) >= self.settings.max_recipients:
            return reply.TOO_MANY_RECIPIENTS
        account = self.shared.handler.account(address)
        if account is None:
            return reply.UNKNOWN_USER
        mail.recipients.append((address, account))
        return reply.RECIPIENT_OK

    # -- the mail --------------------------------------------------------------------------------------------------

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Take the mail and store it; only then say 250."""
        mail = self._mail
        if mail is None or not mail.recipients or arg:
            await self.push(reply.MAIL_FIRST if mail is None else reply.NO_ARGUMENT if arg else reply.NO_RECIPIENTS)
            return
        self._busy_with_mail = True
        body = Body(room=self.shared.room, limit=self.settings.max_mail_bytes)
        try:
            await self.push(reply.GO_AHEAD)
            await self._read(body)
            answer = await self._store(mail, body)
        finally:
            body.close()
        self._busy_with_mail = False
        self._set_rset_state()
        self.deadline.set(self.settings.command_seconds)
        await self.push(answer)

    async def _read(self, body: Body) -> None:
        reader, ends_at = DataReader(), self.loop.time() + self.settings.data_total_seconds
        while not reader.ended:
            self.deadline.set(min(self.settings.data_idle_seconds, ends_at - self.loop.time()))
            await self._add(body, reader.feed(await self.inbox.piece()))
        self.inbox.put_back(reader.rest)

    async def _add(self, body: Body, chunk: bytes) -> None:
        """Keep a chunk; nothing of it is held here while the session waits for the next."""
        if chunk and not body.append(chunk):
            self.deadline.clear()
            await body.spill(chunk)

    async def _store(self, mail: Mail, body: Body) -> str:
        if body.too_large:
            return reply.TOO_LARGE
        self.deadline.clear()
        try:
            raw = await body.content()
        except LaterError:
            return reply.LATER_NO_ROOM
        try:
            key = await self.shared.handler.store(mail, raw)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is ours: the client shall try again
            return reply.LATER if isinstance(error, LaterError) else await self.handle_exception(error)
        self.forgive()
        return reply.queued(key)

    # -- the rest --------------------------------------------------------------------------------------------------

    async def smtp_RSET(self, arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Forget the envelope."""
        if not arg:
            self._set_rset_state()
        await self.push(reply.NO_ARGUMENT if arg else reply.OK)

    async def smtp_NOOP(self, _arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Do nothing."""
        await self.push(reply.OK)

    async def smtp_HELP(self, _arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Name the commands."""
        await self.push(reply.HELP)

    async def smtp_VRFY(self, arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Tell nobody who has an account (RFC 5321 3.5.3, 7.3)."""
        await self.push(reply.CANNOT_VERIFY if arg else reply.VRFY_SYNTAX)

    async def smtp_EXPN(self, _arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Expand no lists."""
        await self.push(reply.NOT_IMPLEMENTED)

    async def smtp_AUTH(self, _arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Nobody sends through us, so nobody needs to log in."""
        await self.push(reply.NOT_IMPLEMENTED)

    async def smtp_QUIT(self, arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Say goodbye."""
        if arg:
            await self.push(reply.NO_ARGUMENT)
        else:
            await self._part(reply.BYE)

    async def smtp_STARTTLS(self, arg: str | None) -> None:  # noqa: N802 - the table of commands asks for it
        """Go on in TLS, with nothing kept of what was said before (RFC 3207 4.2)."""
        if arg or self.secure or self.tls_context is None:
            await self.push(reply.NO_ARGUMENT if arg else reply.TLS_ACTIVE if self.secure else reply.NO_TLS)
            return
        self._say(reply.READY_FOR_TLS)
        # What came in plain behind STARTTLS is dropped here, and `start_tls` takes the transport over before anything
        # else can come: no await stands between. Whatever is in the inbox afterwards came through TLS.
        self.inbox.clear()
        await self._handshake(self.tls_context)

    async def _handshake(self, context: ssl.SSLContext) -> None:
        if self.wire is None:
            raise PeerGoneError
        self.deadline.clear()
        try:
            wire = await self.loop.start_tls(
                self.wire,
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=self.settings.tls_seconds,
                ssl_shutdown_timeout=LINGER,
            )
        except OSError as error:  # ssl.SSLError and time-outs are such
            raise PeerGoneError from error
        if wire is None:
            raise PeerGoneError
        self.use(wire)
        self._writer = asyncio.StreamWriter(wire, self, self._reader, self.loop)
        self.secure = True
        self._set_rset_state()
        self.session = self._create_session()
