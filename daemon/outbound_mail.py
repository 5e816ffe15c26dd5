"""Mail as a way out: renders with the mail connector, sends through the relay of the settings."""

from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import Final

import aiosmtplib

from daemon.outbound_forward import Forwarding
from daemon.settings import Settings
from daemon.wiring import desks
from router.deliveries import Delivery
from router.sending import ChannelDownError
from schemas.outbound_rows import DueSend
from schemas.placement import SendKind
from schemas.tokens import reply_address_with, token_in_message_id
from ticket_store.blobs_local import LocalBlobStore

PERMANENT: Final = 500
"""Codes from here on are final (RFC 5321 4.2.1)."""
SHOWN: Final = 500
"""Letters kept of the relay's words."""


class MailChannel:
    """Meets `router.sending.Channel`."""

    def __init__(self, *, settings: Settings, blobs: LocalBlobStore) -> None:
        self._relay = settings.outbound.smtp
        self._hostname = settings.smtp.hostname
        self._blobs = blobs
        self._forwarding = Forwarding(desks=desks(settings), blobs=blobs)

    async def render(self, send: DueSend) -> bytes:
        """Make the mail."""
        if send.kind == SendKind.FORWARD:
            return await self._forwarding.render(send)
        thread = send.details["thread"]
        own = thread["own"]["shown"]
        mail = EmailMessage(policy=SMTP)
        mail["From"] = formataddr((send.sender_name, send.sender_address))
        mail["To"] = ", ".join(party["address"] for party in send.details.get("to", ()))
        if send.details.get("cc"):
            mail["Cc"] = ", ".join(party["address"] for party in send.details["cc"])
        mail["Reply-To"] = _reply_address(send)
        mail["Subject"] = " ".join(send.subject.split())
        mail["Date"] = format_datetime(send.created_at)
        mail["Message-ID"] = f"<{own}>"
        mail["X-Loop"] = f"sb.{token_in_message_id(own)}"
        for header, ids in (("In-Reply-To", thread.get("in_reply_to")), ("References", thread.get("references"))):
            if ids:
                mail[header] = " ".join(f"<{found['shown'].strip('<>')}>" for found in ids)
        if send.kind == SendKind.NOTICE:
            mail["Auto-Submitted"] = "auto-replied"
            mail["X-Auto-Response-Suppress"] = "All"
        mail.set_content(send.text)
        return mail.as_bytes()

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        """Send one mail over a connection of its own."""
        client = aiosmtplib.SMTP(
            hostname=self._relay.host, port=self._relay.port, timeout=self._relay.timeout_seconds, start_tls=None
        )
        try:
            async with client:
                refused, _ = await client.sendmail(self._return_path(send), list(addresses), raw)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return {r.recipient: _delivery(r.code, r.message) for r in error.recipients}
        except aiosmtplib.SMTPResponseException as error:
            return dict.fromkeys(addresses, _delivery(error.code, error.message))
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise ChannelDownError(f"the relay does not answer: {type(error).__name__}") from error
        return {a: _delivery(*refused[a]) if a in refused else Delivery("sent", "250") for a in addresses}

    def _return_path(self, send: DueSend) -> str:
        """Give where bounces go: nowhere for a notice, so that it can cause none (RFC 3834 section 3.3)."""
        if send.kind == SendKind.FORWARD:
            return self._forwarding.sender(send)
        return "" if send.kind == SendKind.NOTICE else _reply_address(send)


def _reply_address(send: DueSend) -> str:
    return reply_address_with(token_in_message_id(send.details["thread"]["own"]["shown"]), send.sender_address)


def _delivery(code: int, text: str) -> Delivery:
    return Delivery("failed" if code >= PERMANENT else "later", str(code), " ".join(text.split())[:SHOWN])
