"""Membership of a consumer group in the PostgreSQL log: leases, and who reads which partition.

Each member renews its lease three times in its length. Living members, sorted, share the partitions out by turns; a
partition is taken only when its former reader let go of it or its lease ran out. Two readers at once are possible only
after a lease ran out under a member that still runs; the router's compare-and-set on offsets makes that harmless.
"""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import aclosing

from psycopg.rows import DictRow

from bus.port import BusError
from bus.postgres_session import Connection, Session, run
from bus.postgres_statements import group_statement, log_statement
from bus.postgres_topics import Topic

BEATS_PER_LEASE = 3
RETRY_SECONDS = 0.5


class Membership:
    """One member. `hint` is set when records may have come."""

    def __init__(self, *, topic: Topic, group: str, session: Session, lease: float) -> None:
        self._topic = topic
        self._session = session
        self._lease = lease
        self._where = {"topic_id": topic.id, "group_name": group, "member": str(uuid.uuid4())}
        self._room = f"{topic.id}/{group}"
        self._epochs: dict[int, int] = {}
        self._gained = 0
        self._valid_until = 0.0
        self._task: asyncio.Task[None] | None = None
        self.hint = asyncio.Event()

    async def join(self) -> None:
        """Become a member and begin to renew the lease; raises `BusUnavailableError`."""
        await self._beat()
        self._task = asyncio.create_task(self._keep(), name=f"postgres log member of {self._room}")

    def held(self) -> dict[int, int]:
        """Give the partitions of this member; the number changes when a partition was away in between."""
        expired = asyncio.get_running_loop().time() >= self._valid_until
        return {} if expired else dict(self._epochs)

    async def leave(self) -> None:
        """Let go of everything at once. Trouble is nothing: the lease runs out by itself."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._epochs = {}
        try:
            await self._session.rows(group_statement("leave"), {**self._where, "payload": self._room})
        except BusError:
            return
        finally:
            await self._session.close()

    async def _keep(self) -> None:
        while True:
            try:
                await self._listen(self._lease / BEATS_PER_LEASE)
                await self._beat()
            except BusError:
                await asyncio.sleep(min(RETRY_SECONDS, self._lease / BEATS_PER_LEASE))

    async def _listen(self, seconds: float) -> None:
        """Pass on hints about records until the next beat is due or the group changed."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while (left := until - loop.time()) > 0:
            async with self._session.use(longer=left) as connection:
                await run(connection, log_statement("listen"))
                async with aclosing(connection.notifies(timeout=left)) as notifications:
                    async for notify in notifications:
                        if notify.payload == self._room:
                            return
                        if notify.payload == str(self._topic.id):
                            self.hint.set()

    async def _beat(self) -> None:
        began = asyncio.get_running_loop().time()
        async with self._session.use() as connection, connection.transaction():
            joined, claimed = await self._renew(connection)
        if joined:
            self._epochs = {}  # new, or removed meanwhile: what was held may have been another's
        self._take(claimed)
        self._valid_until = began + self._lease

    async def _renew(self, connection: Connection) -> tuple[bool, list[int]]:
        async def group(name: str, **more: float | str | list[int]) -> list[DictRow]:
            return await run(connection, group_statement(name), {**self._where, **more})

        joined = (await group("beat", lease=self._lease))[0]["joined"]
        await group("expire")
        members = [row["member"] for row in await group("members")]
        share = self._share(members, [row["partition"] for row in await group("partition_numbers")])
        await group("release", partitions=share)
        await group("claim", partitions=share)
        claimed = [row["partition"] for row in await group("claimed")]
        if joined or set(claimed) != set(self._epochs):
            await group("tell", payload=self._room)
        return joined, claimed

    def _share(self, members: Sequence[str], partitions: Sequence[int]) -> list[int]:
        place = members.index(str(self._where["member"]))
        return [number for index, number in enumerate(partitions) if index % len(members) == place]

    def _take(self, claimed: Sequence[int]) -> None:
        for number in claimed:
            if number not in self._epochs:
                self._gained += 1
                self._epochs[number] = self._gained
                self.hint.set()
        self._epochs = {number: self._epochs[number] for number in claimed}
