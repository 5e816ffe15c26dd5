"""The SMTP relay through which mail of ours leaves (RFC 5321, RFC 3207, RFC 4954): one connection a mail.

What the relay says of one recipient is that recipient's matter. A relay that cannot be reached, or lets nobody in, is
everybody's: `RelayDownError`. What goes wrong in between is this mail's alone, so that no mail can stop the others.
"""

import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import aiosmtplib

PERMANENT: Final = 500
"""Codes from here on are final (RFC 5321 section 4.2.1)."""
TOO_BIG: Final = 552
GOING_DOWN: Final = 421
SHOWN: Final = 500
"""Letters kept of the relay's words."""
TROUBLES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (ssl.SSLError, "speaks no TLS that we can trust"),
    (ConnectionRefusedError, "refuses connections"),
    (socket.gaierror, "has a name that nobody knows"),
    (TimeoutError, "does not answer in time"),
    (aiosmtplib.SMTPServerDisconnected, "breaks the connection off"),
    (ConnectionResetError, "breaks the connection off"),
)
"""What happened instead of a connection, in plain words: the first that fits."""


class RelayDownError(Exception):
    """The relay takes nothing now; the message says why, for people."""


class Answer(NamedTuple):
    """What the relay said of one recipient: `sent`, `later` or `failed`."""

    state: Literal["sent", "later", "failed"]
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Where it is, and how it is spoken to. `hostname` is our own name; `timeout` is seconds for one answer."""

    host: str
    port: int
    hostname: str
    tls: Literal["none", "starttls", "implicit"] = "none"
    verify: bool = True
    username: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 60.0

    async def send(self, raw: bytes, *, mail_from: str, rcpt_to: Sequence[str]) -> Mapping[str, Answer]:
        """Send one mail; `mail_from` "" is the null path. Raises `RelayDownError`."""
        client = await self._connected()
        try:
            return await _transfer(client, raw, mail_from, rcpt_to)
        finally:
            client.close()

    async def _connected(self) -> aiosmtplib.SMTP:
        context = ssl.create_default_context()
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        client = aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            local_hostname=self.hostname,
            timeout=self.timeout,
            use_tls=self.tls == "implicit",
            start_tls=self.tls == "starttls",
            tls_context=context,
        )
        try:
            await client.connect()
            await client.ehlo()
            if self.username:
                await client.login(self.username, self.password)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            raise RelayDownError(f"the relay does not let us in: it says {error.code}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise RelayDownError(self._trouble(error)) from error
        return client

    def _trouble(self, error: Exception) -> str:
        """Say for people why there is no connection, and what to look at. The relay's own words are left out."""
        causes = [error, *filter(None, (error.__cause__, error.__context__))]
        other = f"does not answer as it should ({type(error).__name__})"
        what = next((words for kind, words in TROUBLES if any(isinstance(cause, kind) for cause in causes)), other)
        return f"the relay at {self.host}:{self.port} {what}: check outbound.smtp.host, port and tls"


async def _transfer(
    client: aiosmtplib.SMTP, raw: bytes, mail_from: str, rcpt_to: Sequence[str]
) -> Mapping[str, Answer]:
    """Go through one mail transaction (RFC 5321 section 3.3); what is said of one recipient stays that one's."""
    answers: dict[str, Answer] = {}
    try:
        options, encoding = _options(client, raw, (mail_from, *rcpt_to))
        await client.mail(mail_from, options=options, encoding=encoding)
        for address in rcpt_to:
            answers |= await _refused(client, address, encoding)
        taken = [address for address in rcpt_to if address not in answers]
        last = (await client.data(raw)).message if taken else ""
    except aiosmtplib.SMTPSenderRefused as error:
        if error.code == GOING_DOWN:
            raise RelayDownError("the relay goes down (421)") from error
        text = f"the relay does not let us send this from our address: {_short(error.message)}"
        state: Literal["failed", "later"] = "failed" if error.code == TOO_BIG else "later"
        return dict.fromkeys(rcpt_to, Answer(state, str(error.code), text))
    except aiosmtplib.SMTPResponseException as error:
        if error.code == GOING_DOWN:
            raise RelayDownError("the relay goes down (421)") from error
        return dict.fromkeys(rcpt_to, _answer(error.code, error.message)) | answers
    except ValueError:
        return dict.fromkeys(rcpt_to, Answer("failed", "553", "an address cannot be written in SMTP"))
    except (aiosmtplib.SMTPException, OSError) as error:
        return dict.fromkeys(rcpt_to, Answer("later", "", f"the connection broke: {type(error).__name__}")) | answers
    await _leave(client)
    return dict.fromkeys(taken, Answer("sent", "250", _short(last))) | answers


async def _refused(client: aiosmtplib.SMTP, address: str, encoding: str) -> dict[str, Answer]:
    """Name one recipient; give the answer if the relay does not take it."""
    try:
        await client.rcpt(address, encoding=encoding)
    except aiosmtplib.SMTPRecipientRefused as error:
        if error.code == GOING_DOWN:
            raise
        later = error.code == TOO_BIG  # here it means too many recipients (RFC 5321 section 4.5.3.1.10)
        return {address: Answer("later", "552", _short(error.message)) if later else _answer(error.code, error.message)}
    return {}


def _options(client: aiosmtplib.SMTP, raw: bytes, addresses: Sequence[str]) -> tuple[list[str], str]:
    """Say how large it is, and that it holds more than ASCII. Raises what the relay says when it cannot take that."""
    options = [f"SIZE={len(raw)}"] if client.supports_extension("size") else []
    if not raw.isascii() and client.supports_extension("8bitmime"):
        options.append("BODY=8BITMIME")
    if all(address.isascii() for address in addresses):
        return options, "ascii"
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPResponseException(553, "the relay takes no address that is not ASCII")
    return [*options, "SMTPUTF8"], "utf-8"


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say good-bye; the mail is taken already, so nothing that happens here counts."""
    try:
        await client.quit(timeout=1)
    except (aiosmtplib.SMTPException, OSError):
        return


def _answer(code: int, text: str) -> Answer:
    return Answer("failed" if code >= PERMANENT else "later", str(code), _short(text))


def _short(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:SHOWN]
