"""The signing keys as the router knows them: read when they may have changed, not with every batch."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from router.found import names_unknown_key
from router.ports import KeyRow
from router.tokens import Signer, SigningKey
from schemas.message import InboundMessage

MAX_AGE: Final = timedelta(seconds=30)
"""How long a retired key may still be believed."""

MIN_AGE: Final = timedelta(seconds=1)
"""Keys are read no more often than that for tokens of keys that nobody knows: anybody can make those up."""


class KeyStore(Protocol):
    """Where the keys are."""

    async def signing_keys(self) -> tuple[UUID, Iterable[KeyRow]]:
        """Give the installation's id and its keys, the oldest first."""
        ...


class Keyring:
    """Gives the signer. `clock` tells how old the keys are."""

    def __init__(self, *, store: KeyStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._clock = clock
        self._signer: Signer | None = None
        self._read_at: datetime | None = None

    async def signer(self, messages: Iterable[InboundMessage] = ()) -> Signer:
        """Give the signer; it knows the keys that these messages name, if there are any. Raises what the store does."""
        now = self._clock()
        age = None if self._read_at is None else now - self._read_at
        if self._signer is None or age is None or not timedelta(0) <= age < MAX_AGE:
            return await self._read(now)
        signer = self._signer
        if age >= MIN_AGE and any(names_unknown_key(message, signer) for message in messages):
            return await self._read(now)
        return signer

    async def _read(self, now: datetime) -> Signer:
        instance_id, rows = await self._store.signing_keys()
        keys = [SigningKey(id=row.id, secret=row.secret, retired=row.retired) for row in rows]
        self._signer, self._read_at = Signer(instance_id=instance_id, keys=keys), now
        return self._signer
