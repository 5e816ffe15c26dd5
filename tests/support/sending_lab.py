"""A sending worker on a real store, real blobs and a real relay, with a clock that tests move."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from answering_lab import LATER, SOURCE, answers, number_of, store_of
from routing_lab import Lab, mail, open_lab

from daemon.adapters import STORE_ERRORS
from daemon.outbound_mail import MailChannel
from daemon.settings import Settings
from daemon.settings_outbound import OutboundSettings, RelaySettings
from doubles.mail_relay import MailRelay
from router.deliveries import Delivery, Marker
from router.sending import SenderOptions, SendingWorker
from schemas.message import File, Text
from schemas.outbound_rows import DueSend
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.sends import PostgresSends

LEASE = timedelta(seconds=90)


class DiedError(BaseException):
    """The worker's process is gone, here and now: nothing of it runs any more."""


@dataclass(kw_only=True)
class Told:
    """What the worker says about itself."""

    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)

    def delivered(self, kind: str, state: str) -> None:
        self.counts[kind, state] = self.counts.get((kind, state), 0) + 1

    def trouble(self, channel: str, message: str) -> None:
        self.troubles[channel] = message

    def well(self, channel: str) -> None:
        self.troubles.pop(channel, None)


@dataclass(kw_only=True)
class DyingBlobs:
    """The blob store; the worker dies before or after it keeps something, if it is told to."""

    store: LocalBlobStore
    dies: str = ""

    async def get(self, digest: str) -> bytes:
        return await self.store.get(digest)

    async def keep(self, content: bytes) -> None:
        if self.dies == "before the blob":
            raise DiedError
        await self.store.put(content)
        if self.dies == "after the blob":
            raise DiedError


class DyingChannel:
    """The mail channel; the worker dies before or after it sends, if it is told to."""

    def __init__(self, channel: MailChannel, dies: str = "") -> None:
        self._channel = channel
        self._dies = dies

    async def render(self, send: DueSend) -> bytes:
        if self._dies == "after the claim":
            raise DiedError
        return await self._channel.render(send)

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        if self._dies == "before sending":
            raise DiedError
        found = await self._channel.send(raw, send, addresses)
        if self._dies == "before the mark":
            raise DiedError
        return found


@dataclass(kw_only=True)
class Post:
    """One desk with a relay."""

    lab: Lab
    relay: MailRelay
    blobs: LocalBlobStore
    now: datetime = LATER
    told: Told = field(default_factory=Told)

    def worker(self, dies: str = "") -> SendingWorker:
        relay = RelaySettings(host="127.0.0.1", port=self.relay.port, timeout_seconds=5)
        settings = Settings(outbound=OutboundSettings(smtp=relay))
        options: SenderOptions = settings.outbound.options(notices=timedelta(days=1))
        return SendingWorker(
            queue=PostgresSends(pool=self.lab.pool),
            blobs=DyingBlobs(store=self.blobs, dies=dies),
            channels={"mail": DyingChannel(MailChannel(settings=settings, blobs=self.blobs), dies)},
            marker=Marker(
                store=store_of(self.lab), source=SOURCE, clock=self.clock, metrics=self.told, pace=options.pace
            ),
            health=self.told,
            clock=self.clock,
            store_errors=STORE_ERRORS,
            options=options,
        )

    def clock(self) -> datetime:
        return self.now

    async def say(self, number: str, text: str, *, cc: Sequence[str] = (), files: Sequence[File] = ()) -> int:
        said = await answers(self.lab).reply(number, Text(content=text), by="rui", cc=cc, files=files)
        return said.message_id

    async def opened(self, name: str = "one", **more: Any) -> str:
        await self.lab.route(mail(name, **more))
        return await number_of(self.lab, name)

    async def send(self, message_id: int) -> dict[str, Any]:
        return (await self.lab.rows("select * from sends where message_id = %s", [message_id]))[0]

    async def drain(self, dies: str = "") -> None:
        """Send until nothing is due."""
        worker = self.worker(dies)
        while await worker.round():
            pass

    def texts(self) -> list[str]:
        return [taken.mail.get_content().strip() for taken in self.relay.taken]


@asynccontextmanager
async def open_post(database: str, folder: Path, relay: MailRelay) -> AsyncIterator[Post]:
    async with open_lab(database) as lab:
        blobs = LocalBlobStore(root=folder)
        await blobs.prepare(now=LATER)
        try:
            yield Post(lab=lab, relay=relay, blobs=blobs)
        finally:
            blobs.close()
