"""Conversations as a way out: what the store holds becomes pieces, and what the platform answers becomes states.

The pieces are made once and kept, as the raw of the message, so that what was begun is not cut anew by a later version.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.sending import CannotSendError, ChatFile, ChatLetter, Collected, Sender
from daemon.chat_parts import PartsFormatError, pack, unpack
from daemon.chat_passage import Bytes, Means, Passage
from router.deliveries import PUBLISHED, Delivery
from router.sending import CannotRenderError
from schemas.outbound_rows import DueSend
from schemas.placement import SendKind


class MessengerChannel:
    """One account. Meets `router.sending.Channel`."""

    def __init__(self, *, means: Means) -> None:
        self._means = means

    async def render(self, send: DueSend) -> bytes:
        """Cut it into pieces. Raises `CannotRenderError`, and `OSError` when a long text cannot be read now."""
        return await _rendered(send, self._means.sender, self._means.blobs)

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        """Send what the platform does not have yet. Raises `ChannelDownError`, `NotYetError`, `CannotRenderError`."""
        if not addresses:
            return {}
        try:
            parts = unpack(raw)
        except PartsFormatError as error:
            raise CannotRenderError(str(error)) from error
        delivery = await Passage(means=self._means, send=send, parts=parts, chat=addresses[0]).go()
        return {} if delivery is None else dict.fromkeys(addresses, delivery)


class CollectedChannel:
    """An account whose other side collects what we say: it stands in the ticket's events.

    Meets `router.sending.Channel`. What was cut is kept as everywhere, so that an account that gets a way out meanwhile
    goes on with the same pieces.
    """

    def __init__(self, *, connector: Collected, blobs: Bytes) -> None:
        self._connector = connector
        self._blobs = blobs

    async def render(self, send: DueSend) -> bytes:
        """Cut it into pieces. Raises `CannotRenderError`, and `OSError` when a long text cannot be read now."""
        return await _rendered(send, self._connector, self._blobs)

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        """Say that it can be collected: its event was written with the message itself."""
        del raw, send
        return dict.fromkeys(addresses, Delivery(PUBLISHED, "", self._connector.collected))


async def _rendered(send: DueSend, connector: Sender | Collected, blobs: Bytes) -> bytes:
    if send.kind == SendKind.FORWARD:
        raise CannotRenderError("a mail is not sent on to a conversation")
    facts = send.details.get("details", {})
    letter = ChatLetter(
        number=send.message_id,
        to=str(send.recipients[0]["address"]),
        text=await _text(send, blobs),
        files=[_file(file) for file in send.details.get("files", ()) if file.get("blob")],
        answers=str(facts.get("answers", "")),
        is_group=bool(facts.get("group", False)),
    )
    try:
        return pack(connector.split(letter))
    except CannotSendError as error:
        raise CannotRenderError(str(error)) from error


async def _text(send: DueSend, blobs: Bytes) -> str:
    overflow = send.details.get("text", {}).get("overflow")
    if overflow is None:
        return send.text
    return (await blobs.get(overflow["sha256"])).decode("utf-8", "replace")


def _file(file: Mapping[str, Any]) -> ChatFile:
    return ChatFile(
        name=file.get("name", ""),
        content_type=file.get("content_type", "application/octet-stream"),
        size=int(file["blob"]["size"]),
        sha256=file["blob"]["sha256"],
    )
