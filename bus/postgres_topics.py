"""What is known of topics: ids, identities, numbers of partitions; and which partition a key chooses."""

import asyncio
from dataclasses import dataclass
from hashlib import blake2b

from bus.port import BusUnavailableError
from bus.postgres_session import Session
from bus.postgres_statements import log_statement

FRESH_SECONDS = 10.0
"""How long a number of partitions is believed; a raise by another process shows after that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic. `identity` differs when the database cluster or the topic was created anew."""

    id: int
    name: str
    identity: str
    partitions: int

    def partition_of(self, key: bytes) -> int:
        """Give the partition of a key; the same in every process and version while the number of partitions stays."""
        return int.from_bytes(blake2b(key, digest_size=8).digest(), "big") % self.partitions


class Topics:
    """Looks topics up and remembers them for a while."""

    def __init__(self, *, session: Session) -> None:
        self._session = session
        self._known: dict[str, tuple[float, Topic]] = {}
        self._turn = asyncio.Lock()

    async def get(self, name: str) -> Topic:
        """Give the topic; `BusUnavailableError` when it is missing or PostgreSQL does not answer."""
        return self._remembered(name) or await self._look_up(name)

    def forget(self, name: str) -> None:
        """Look the topic up anew next time."""
        self._known.pop(name, None)

    def _remembered(self, name: str) -> Topic | None:
        found = self._known.get(name)
        now = asyncio.get_running_loop().time()
        return found[1] if found and now - found[0] < FRESH_SECONDS else None

    async def _look_up(self, name: str) -> Topic:
        async with self._turn:
            remembered = self._remembered(name)  # others that waited for the turn are served by the first
            if remembered is not None:
                return remembered
            topic = await self._read(name)
            self._known[name] = (asyncio.get_running_loop().time(), topic)
            return topic

    async def _read(self, name: str) -> Topic:
        rows = await self._session.rows(log_statement("find_topic"), {"name": name})
        if not rows:
            raise BusUnavailableError(f"topic {name} does not exist: the daemon creates it when it starts")
        row = rows[0]
        identity = f"postgres:{row['system']}:{row['topic']}"
        return Topic(id=row["id"], name=name, identity=identity, partitions=row["partitions"])
