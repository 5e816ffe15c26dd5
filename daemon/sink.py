"""Puts messages on the inbound topic (`connectors.base.MessageSink`)."""

from collections.abc import Callable, Sequence
from typing import Final

import structlog

from bus.port import BusUnavailableError, NewRecord, Publisher, RecordRefusedError
from connectors.base import BlobWriter, InvalidDeliveryError, LaterError
from daemon.health import BUS, Board
from schemas.message import InboundMessage, Text, record_header

KEPT_BYTES: Final = 8 * 1024
"""What stays of a text in a record that was too large; the whole is in the blob store."""

_log = structlog.get_logger(__name__)


class BusSink:
    """Publishes one record a message; a message that is too large for the bus is made smaller, never lost."""

    def __init__(
        self, *, publisher: Publisher, topic: str, blobs: BlobWriter, board: Board, shrunk: Callable[[], None]
    ) -> None:
        self._publisher = publisher
        self._topic = topic
        self._blobs = blobs
        self._board = board
        self._shrunk = shrunk

    async def publish(self, messages: Sequence[InboundMessage]) -> None:
        """Store all. Raises `LaterError` when any may be missing, `InvalidDeliveryError` when one never fits."""
        try:
            await self._store(list(messages))
        except BusUnavailableError as error:
            self._board.set(BUS, "the bus does not store records")
            raise LaterError("the bus does not store records") from error
        self._board.clear(BUS)

    async def _store(self, messages: list[InboundMessage]) -> None:
        """Publish; a message that is too large loses its texts to the blob store once, and all go again."""
        smaller: set[int] = set()
        while True:
            try:
                await self._publisher.publish(self._topic, [record(message) for message in messages])
            except RecordRefusedError as error:
                if error.index in smaller:
                    raise InvalidDeliveryError("too large for a record of the bus, even without its texts") from error
                smaller.add(error.index)
                messages[error.index] = await self._smaller(messages[error.index])
            else:
                return

    async def _smaller(self, message: InboundMessage) -> InboundMessage:
        _log.warning("record too large", account=message.account, raw_size=message.raw.size)
        self._shrunk()
        return await self._without_texts(message)

    async def _without_texts(self, message: InboundMessage) -> InboundMessage:
        text = await self._moved(message.text, KEPT_BYTES)
        html = await self._moved(message.html, 0) if message.html is not None else None
        return message.model_copy(update={"text": text, "html": html})

    async def _moved(self, text: Text, keep: int) -> Text:
        """Keep the beginning; the whole goes to the blob store, where it is not there already."""
        whole = text.content.encode()
        if len(whole) <= keep:
            return text
        try:
            overflow = text.overflow or await self._blobs.put(whole)
        except OSError as error:
            raise LaterError("the blob store does not store") from error
        return Text(content=whole[:keep].decode(errors="ignore"), overflow=overflow)


def record(message: InboundMessage) -> NewRecord:
    """Give the record of a message."""
    return NewRecord(key=key_of(message), value=message.model_dump_json().encode(), headers=(record_header(),))


def key_of(message: InboundMessage) -> bytes:
    """Give the key, for locality only: the conversation's first id, or the chat."""
    thread = message.thread
    if thread.conversation is not None:
        return f"{message.account}:{thread.conversation.digest}".encode()
    first = (*thread.references[:1], *thread.in_reply_to[:1], *((thread.own,) if thread.own else ()))
    return first[0].digest.encode() if first else message.delivery_key.encode()
