"""Mail as a way out: what the store holds becomes a mail, and what the relay answers becomes a state."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final, Literal

from connectors.mail.compose import Attached, CannotComposeError, MailLetter, compose, reply_address
from connectors.mail.relay import Relay, RelayDownError
from daemon.outbound_forward import Forwarding
from daemon.settings import Settings
from daemon.settings_outbound import RelaySettings, RelayTls
from daemon.wiring import desks
from router.deliveries import Delivery
from router.sending import CannotRenderError, ChannelDownError
from schemas.message import Party
from schemas.outbound_rows import DueSend
from schemas.placement import SendKind
from ticket_store.blobs_local import LocalBlobStore

IMPLICIT_PORT: Final = 465


class MailChannel:
    """Meets `router.sending.Channel`."""

    def __init__(self, *, settings: Settings, blobs: LocalBlobStore) -> None:
        self._relay = relay_of(settings.outbound.smtp, hostname=settings.smtp.hostname)
        self._blobs = blobs
        self._forwarding = Forwarding(desks=desks(settings), blobs=blobs)

    async def render(self, send: DueSend) -> bytes:
        """Make the mail. Raises `CannotRenderError`, and `OSError` when a file cannot be read now."""
        if send.kind == SendKind.FORWARD:
            return await self._forwarding.render(send)
        details, thread = send.details, send.details["thread"]
        letter = MailLetter(
            message_id=_own(send),
            sender=Party(address=send.sender_address, name=send.sender_name),
            to=_parties(details, "to"),
            cc=_parties(details, "cc"),
            subject=send.subject,
            text=await self._text(send),
            date=send.created_at,
            in_reply_to=[found["shown"] for found in thread.get("in_reply_to", ())],
            references=[found["shown"] for found in thread.get("references", ())],
            files=[await self._attached(file) for file in details.get("files", ()) if file.get("blob")],
            automatic=send.kind == SendKind.NOTICE,
        )
        try:
            return compose(letter)
        except CannotComposeError as error:
            raise CannotRenderError(str(error)) from error

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        """Send it through the relay. Raises `ChannelDownError`."""
        try:
            answers = await self._relay.send(raw, mail_from=self._return_path(send), rcpt_to=addresses)
        except RelayDownError as error:
            raise ChannelDownError(str(error)) from error
        return {address: Delivery(*answer) for address, answer in answers.items()}

    def _return_path(self, send: DueSend) -> str:
        """Give where bounces go: nowhere for a notice, so that it can cause none (RFC 3834 section 3.3)."""
        if send.kind == SendKind.FORWARD:
            return self._forwarding.sender(send)
        return "" if send.kind == SendKind.NOTICE else reply_address(_own(send), send.sender_address)

    async def _text(self, send: DueSend) -> str:
        overflow = send.details.get("text", {}).get("overflow")
        return send.text if overflow is None else (await self._blobs.get(overflow["sha256"])).decode("utf-8", "replace")

    async def _attached(self, file: Mapping[str, Any]) -> Attached:
        content = await self._blobs.get(file["blob"]["sha256"])
        return Attached(name=file.get("name", ""), content_type=file.get("content_type", ""), content=content)


def relay_of(settings: RelaySettings, *, hostname: str) -> Relay:
    """Make the relay of the settings."""
    password = settings.password.get_secret_value() if settings.password is not None else ""
    return Relay(
        host=settings.host,
        port=settings.port,
        hostname=hostname,
        tls=_tls(settings),
        verify=settings.tls_verify,
        username=settings.username,
        password=password,
        timeout=settings.timeout_seconds,
    )


def _tls(settings: RelaySettings) -> Literal["none", "starttls", "implicit"]:
    """Encrypt unless the relay is on this machine, or the settings say otherwise."""
    if settings.tls is RelayTls.NONE or (settings.tls is None and _is_here(settings.host)):
        return "none"
    is_implicit = settings.tls is RelayTls.IMPLICIT or (settings.tls is None and settings.port == IMPLICIT_PORT)
    return "implicit" if is_implicit else "starttls"


def _is_here(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _own(send: DueSend) -> str:
    return str(send.details["thread"]["own"]["shown"])


def _parties(details: Mapping[str, Any], name: str) -> list[Party]:
    return [Party.model_validate(party) for party in details.get(name, ())]
