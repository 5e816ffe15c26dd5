"""Bytes that came and wait: never much more than the mark, however many chunks a loop reads in one turn."""

import asyncio
from typing import cast

from connectors.mail.smtp_inbox import HIGH_WATER, Inbox

CHUNK = bytes(64 * 1024)


class Wire:
    """What a transport does that is told to pause."""

    def __init__(self) -> None:
        self.reading = True

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return False


def inbox_on_a_wire() -> tuple[Inbox, Wire]:
    inbox, wire = Inbox(loop=asyncio.get_running_loop()), Wire()
    inbox.attach(cast("asyncio.Transport", wire))
    return inbox, wire


async def test_the_peer_is_held_back_while_nobody_reads() -> None:
    inbox, wire = inbox_on_a_wire()
    inbox.feed(bytes(HIGH_WATER))
    assert wire.reading
    inbox.feed(b"!")
    assert not wire.reading


async def test_the_peer_is_held_back_also_while_the_reader_is_being_woken() -> None:
    inbox, wire = inbox_on_a_wire()
    reader = asyncio.create_task(inbox.piece())
    await asyncio.sleep(0)
    inbox.feed(CHUNK)
    assert not wire.reading
    assert await reader == CHUNK
    assert wire.reading
