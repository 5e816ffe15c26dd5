"""Conversations on a routing lab, and a sending worker that answers in them, with a clock that tests move."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from answering_lab import LATER, SOURCE, answers, store_of
from chat_connector import NO_PACE, ChatConnector
from chat_platform import ChatPlatform
from routing_lab import START, Lab, digest, open_lab
from sending_lab import Told

from connectors.sending import Sender, SendPace
from console.message_detail import message_lines
from daemon.adapters import STORE_ERRORS
from daemon.chat_passage import Means
from daemon.chat_turns import Turns
from daemon.outbound_chat import MessengerChannel
from router.deliveries import Marker, Pace
from router.sending import SenderOptions, SendingWorker
from schemas.message import File, InboundMessage, Text
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.listing import as_json
from ticket_store.parts import PostgresPaces, PostgresParts
from ticket_store.sends import PostgresSends
from ticket_store.tickets import ticket_messages


def chat(
    name: str,
    sender: str = "ana",
    *,
    where: str = "",
    group: bool = False,
    account: str = "bot",
    minutes: float = 0,
    number: int = 1,
    channel: str = "parrot",
    **more: Any,
) -> InboundMessage:
    """Make a message of a conversation; `where` is the chat, by default that with its sender alone."""
    conversation = f"{channel}:{account}:{where or sender}"
    details = {**more.pop("details", {}), **({"group": True} if group else {})}
    return InboundMessage(
        channel=channel,
        account=account,
        scope="support",
        delivery_key=digest(f"{conversation}|{name}"),
        received_at=START + timedelta(minutes=minutes),
        sender={"address": sender, "name": sender.title()},
        verdict={"result": "pass", "method": "token"},
        text={"content": f"text of {name}"},
        thread={
            "own": _id(f"{conversation}:{number}"),
            "conversation": _id(conversation),
            "in_reply_to": [_id(one) for one in more.pop("answers", ())],
        },
        raw={"sha256": digest(f"raw {conversation} {name}"), "size": 100},
        envelope={"intake": "webhook"},
        details=details,
        **more,
    )


def _id(shown: str) -> dict[str, str]:
    return {"digest": digest(shown), "shown": shown}


@dataclass(kw_only=True)
class Booth:
    """One desk with bots; `platforms` by account."""

    lab: Lab
    blobs: LocalBlobStore
    platforms: Mapping[str, ChatPlatform]
    now: datetime = LATER
    told: Told = field(default_factory=Told)
    keyed: bool = False
    pace: SendPace = NO_PACE
    store: PostgresParts | None = None
    wrap: Callable[[Sender], Sender] = lambda sender: sender

    def clock(self) -> datetime:
        return self.now

    def sender(self, account: str) -> Sender:
        return self.wrap(self.connector(account))

    def connector(self, account: str) -> ChatConnector:
        url = self.platforms[account].url
        return ChatConnector(url=url, account=account, keyed=self.keyed, pace=self.pace)

    def means(self, account: str) -> Means:
        sender = self.sender(account)
        paces = PostgresPaces(pool=self.lab.pool)
        return Means(
            sender=sender,
            parts=self.store or PostgresParts(pool=self.lab.pool),
            turns=Turns(account=account, pace=sender.pace, paces=paces, clock=self.clock),
            blobs=self.blobs,
            clock=self.clock,
        )

    def worker(self, **options: Any) -> SendingWorker:
        return SendingWorker(
            queue=PostgresSends(pool=self.lab.pool),
            blobs=_Blobs(self.blobs),
            channels={f"parrot:{name}": MessengerChannel(means=self.means(name)) for name in self.platforms},
            marker=Marker(store=store_of(self.lab), source=SOURCE, clock=self.clock, metrics=self.told, pace=Pace()),
            health=self.told,
            clock=self.clock,
            store_errors=STORE_ERRORS,
            options=SenderOptions(**options),
        )

    async def opened(self, name: str = "one", **more: Any) -> str:
        """Let somebody write, and give the ticket's number."""
        await self.lab.route(chat(name, **more))
        rows = await self.lab.rows(
            "select t.number from messages m join tickets t on t.id = m.ticket_id where m.body_text = %s",
            [f"text of {name}"],
        )
        return str(rows[0]["number"])

    async def say(self, number: str, text: str, *, files: Sequence[File] = ()) -> int:
        return (await answers(self.lab).reply(number, Text(content=text), by="rui", files=files)).message_id

    async def drain(self) -> None:
        worker = self.worker()
        while await worker.round():
            pass

    async def send(self, message_id: int) -> dict[str, Any]:
        return (await self.lab.rows("select * from sends where message_id = %s", [message_id]))[0]

    async def state(self, message_id: int) -> str:
        (recipient,) = (await self.send(message_id))["recipients"]
        return str(recipient["state"])

    async def shown(self, message_id: int) -> str:
        """Give a message of ours as people see it on its ticket."""
        async with self.lab.pool.connection() as connection:
            (number,) = [row["number"] for row in await self.lab.rows("select number from tickets")]
            (found,) = await ticket_messages(connection, number, message_id=message_id)
        return "\n".join(message_lines(as_json(found), number))

    async def parts(self, message_id: int) -> list[tuple[str, str]]:
        rows = await self.lab.rows(
            "select state, platform_id from send_parts where message_id = %s order by part", [message_id]
        )
        return [(row["state"], row["platform_id"]) for row in rows]


class _Blobs:
    def __init__(self, store: LocalBlobStore) -> None:
        self._store = store

    async def get(self, sha256: str) -> bytes:
        return await self._store.get(sha256)

    async def keep(self, content: bytes) -> None:
        await self._store.put(content)


@asynccontextmanager
async def open_booth(
    database: str, folder: Path, platform: ChatPlatform, others: Mapping[str, ChatPlatform] | None = None, **more: Any
) -> AsyncIterator[Booth]:
    async with open_lab(database) as lab:
        blobs = LocalBlobStore(root=folder)
        await blobs.prepare(now=LATER)
        try:
            yield Booth(lab=lab, blobs=blobs, platforms={"bot": platform, **(others or {})}, **more)
        finally:
            blobs.close()
