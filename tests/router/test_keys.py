"""The router's keys: read when they may have changed, and no more often."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from routing_lab import START, mail

from router.keys import Keyring
from router.ports import KeyRow
from router.tokens import Signer, SigningKey
from schemas.message import InboundMessage

INSTANCE = UUID(int=7)


class Store:
    """Keys that can be counted how often they were read."""

    def __init__(self) -> None:
        self.keys: list[KeyRow] = [SigningKey(id=1, secret=bytes(32))]
        self.now = START
        self.reads = 0

    async def signing_keys(self) -> tuple[UUID, Sequence[KeyRow]]:
        self.reads += 1
        return INSTANCE, list(self.keys)

    def clock(self) -> datetime:
        return self.now

    def after(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def signed_by(key: int, secret: bytes = bytes(32)) -> InboundMessage:
    signer = Signer(instance_id=INSTANCE, keys=[SigningKey(id=key, secret=secret)])
    return mail("one", tokens=[("to", signer.issue(ticket_id=1, message_id=1, opened_at=START))])


async def test_keys_are_read_once_in_half_a_minute() -> None:
    store = Store()
    ring = Keyring(store=store, clock=store.clock)
    for _ in range(9):
        await ring.signer([mail("one"), signed_by(1)])
        store.after(3)
    assert store.reads == 1
    store.after(30)
    await ring.signer()
    assert store.reads == 2


async def test_a_key_that_was_just_made_is_known_at_once() -> None:
    store = Store()
    ring = Keyring(store=store, clock=store.clock)
    await ring.signer()
    store.keys.append(SigningKey(id=2, secret=bytes(32)))
    store.after(2)
    signer = await ring.signer([signed_by(2)])
    assert signer.knows(signed_by(2).thread.tokens[0].value)
    assert store.reads == 2


async def test_made_up_keys_make_nobody_read_with_every_batch() -> None:
    store = Store()
    ring = Keyring(store=store, clock=store.clock)
    for _ in range(50):
        await ring.signer([signed_by(9)])
        store.after(0.01)
    assert store.reads == 1


async def test_a_retired_key_is_refused_after_half_a_minute_at_the_latest() -> None:
    store = Store()
    ring = Keyring(store=store, clock=store.clock)
    await ring.signer()
    store.keys = [SigningKey(id=1, secret=bytes(32), retired=True)]
    store.after(30)
    signer = await ring.signer()
    assert signer.verify(signed_by(1).thread.tokens[0].value) == "its key was retired"


async def test_a_clock_that_was_set_back_does_not_keep_old_keys() -> None:
    store = Store()
    ring = Keyring(store=store, clock=store.clock)
    await ring.signer()
    store.after(-3600)
    await ring.signer()
    assert store.reads == 2
