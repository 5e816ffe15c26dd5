"""Conversations as a way out: what the store holds becomes pieces, and what the platform answers becomes states.

The pieces are made once and kept, as the raw of the message, so that what was begun is not cut anew by a later version.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.sending import CannotSendError, ChatFile, ChatLetter
from daemon.chat_parts import PartsFormatError, pack, unpack
from daemon.chat_passage import Means, Passage
from router.deliveries import Delivery
from router.sending import CannotRenderError
from schemas.outbound_rows import DueSend
from schemas.placement import SendKind


class MessengerChannel:
    """One account. Meets `router.sending.Channel`."""

    def __init__(self, *, means: Means) -> None:
        self._means = means

    async def render(self, send: DueSend) -> bytes:
        """Cut it into pieces. Raises `CannotRenderError`, and `OSError` when a long text cannot be read now."""
        if send.kind == SendKind.FORWARD:
            raise CannotRenderError("a mail is not sent on to a conversation")
        facts = send.details.get("details", {})
        letter = ChatLetter(
            number=send.message_id,
            to=str(send.recipients[0]["address"]),
            text=await self._text(send),
            files=[_file(file) for file in send.details.get("files", ()) if file.get("blob")],
            answers=str(facts.get("answers", "")),
            is_group=bool(facts.get("group", False)),
        )
        try:
            return pack(self._means.sender.split(letter))
        except CannotSendError as error:
            raise CannotRenderError(str(error)) from error

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

    async def _text(self, send: DueSend) -> str:
        overflow = send.details.get("text", {}).get("overflow")
        if overflow is None:
            return send.text
        return (await self._means.blobs.get(overflow["sha256"])).decode("utf-8", "replace")


def _file(file: Mapping[str, Any]) -> ChatFile:
    return ChatFile(
        name=file.get("name", ""),
        content_type=file.get("content_type", "application/octet-stream"),
        size=int(file["blob"]["size"]),
        sha256=file["blob"]["sha256"],
    )
