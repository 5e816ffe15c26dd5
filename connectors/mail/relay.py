"""The SMTP relay through which mail of ours leaves (RFC 5321, RFC 3207, RFC 4954): one connection a mail.

What the relay says of one recipient is that recipient's matter. A relay that cannot be reached, or lets nobody in, is
everybody's: `RelayDownError`. What goes wrong in between is this mail's alone, so that no mail can stop the others.
"""

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
            raise RelayDownError(f"the relay lets us not in: {error.code} {_short(error.message)}") from error
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            raise RelayDownError(f"the relay does not answer as it should: {type(error).__name__}") from error
        return client


async def _transfer(
    client: aiosmtplib.SMTP, raw: bytes, mail_from: str, rcpt_to: Sequence[str]
) -> Mapping[str, Answer]:
    try:
        options = _options(client, mail_from, rcpt_to)
        refused, last = await client.sendmail(mail_from, list(rcpt_to), raw, mail_options=options)
    except aiosmtplib.SMTPRecipientsRefused as error:
        return {one.recipient: _answer(one.code, one.message) for one in error.recipients}
    except aiosmtplib.SMTPSenderRefused as error:
        if error.code == GOING_DOWN:
            raise RelayDownError(f"the relay goes down: {_short(error.message)}") from error
        text = f"the relay does not let us send this from our address: {_short(error.message)}"
        state: Literal["failed", "later"] = "failed" if error.code == TOO_BIG else "later"
        return dict.fromkeys(rcpt_to, Answer(state, str(error.code), text))
    except aiosmtplib.SMTPResponseException as error:
        if error.code == GOING_DOWN:
            raise RelayDownError(f"the relay goes down: {_short(error.message)}") from error
        return dict.fromkeys(rcpt_to, _answer(error.code, error.message))
    except (aiosmtplib.SMTPException, OSError) as error:
        return dict.fromkeys(rcpt_to, Answer("later", "", f"the connection broke: {type(error).__name__}"))
    await _leave(client)
    sent = Answer("sent", "250", _short(last))
    return {address: _answer(*refused[address]) if address in refused else sent for address in rcpt_to}


def _options(client: aiosmtplib.SMTP, mail_from: str, rcpt_to: Sequence[str]) -> list[str]:
    """Ask for SMTPUTF8 where an address needs it. Raises what the relay says when it cannot."""
    if all(address.isascii() for address in (mail_from, *rcpt_to)):
        return []
    if not client.supports_extension("smtputf8"):
        raise aiosmtplib.SMTPResponseException(553, "the relay takes no address that is not ASCII")
    return ["SMTPUTF8"]


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
