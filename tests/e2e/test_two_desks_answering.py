"""Two Switchboards that both confirm what they get: one mail each at most, whatever is done to the headers."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest
from notice_samples import ALL_REASONS
from postgres_server import PostgresServer
from routing_lab import KEY, START, Lab, open_lab

from connectors.base import Account, Delivery
from connectors.mail.normalize import normalize
from daemon.notice_desk import NoticeDesks
from daemon.outbound_mail import MailChannel
from daemon.settings import Settings
from lifecycle.notice_worker import NoticeWorker
from lifecycle.notices import Limits
from router.notice_policy import NoticePolicy
from router.policy import AccountPolicy, Policies, SenderMatch
from schemas.message import Automatic, Party
from ticket_store.blobs_local import LocalBlobStore
from ticket_store.instance import read_or_create
from ticket_store.notices import NoticeStore
from ticket_store.numbers import TicketNumbers
from ticket_store.sends import PostgresSends

LATER = START + timedelta(minutes=1)
ROUNDS = 6
ACCOUNT = Account(name="support", channel="mail", scope="support")


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A mail on its way."""

    mail_from: str
    rcpt_to: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One desk that believes every sender and confirms everything: the most talkative one that settings allow."""

    lab: Lab
    address: str
    worker: NoticeWorker
    channel: MailChannel

    async def take(self, posted: Posted) -> Automatic:
        """Take a mail in as the SMTP door does."""
        message = normalize(
            Delivery(
                account=ACCOUNT,
                raw=posted.raw,
                received_at=START,
                intake="smtp",
                mail_from=posted.mail_from,
                rcpt_to=(posted.rcpt_to,),
            )
        ).message
        policy = AccountPolicy(sender_match=SenderMatch.ANY, notices=NoticePolicy(receipt=True))
        await self.lab.route(message, policies=Policies(own_addresses=frozenset({self.address}), default=policy))
        return message.automatic

    async def post(self) -> list[Posted]:
        """Write what is due, and render what goes out."""
        while await self.worker.turn():
            pass
        queue = PostgresSends(pool=self.lab.pool)
        sends = await queue.claim(rooms={"mail": 100}, now=LATER, until=LATER + timedelta(days=1))
        return [
            Posted(mail_from="", rcpt_to=send.recipients[0]["address"], raw=await self.channel.render(send))
            for send in sends
        ]


async def side(lab: Lab, address: str, folder: Path) -> Side:
    async with lab.pool.connection() as connection:
        instance = await read_or_create(connection)
    store = NoticeStore(pool=lab.pool, numbers=TicketNumbers(key=KEY))
    worker = NoticeWorker(
        desk=NoticeDesks(store=store, instance=instance),
        accounts={"support": ALL_REASONS},
        senders={"support": Party(address=address)},
        limits=Limits(per_address_a_day=1000),
        clock=lambda: LATER,
        heard=lambda _reason, _outcome, _count: None,
    )
    blobs = LocalBlobStore(root=folder, threads=1)
    return Side(lab=lab, address=address, worker=worker, channel=MailChannel(settings=Settings(), blobs=blobs))


@pytest.fixture
async def sides(
    postgres_server: PostgresServer, postgres_template: str, tmp_path: Path
) -> AsyncIterator[tuple[Side, Side]]:
    names = [postgres_server.create(template=postgres_template) for _ in range(2)]
    async with open_lab(postgres_server.url(names[0])) as ours, open_lab(postgres_server.url(names[1])) as theirs:
        yield (
            await side(ours, "support@a.example", tmp_path / "a"),
            await side(theirs, "support@b.example", tmp_path / "b"),
        )
    for name in names:
        postgres_server.drop(name)


FIRST = Posted(
    mail_from="support@b.example",
    rcpt_to="support@a.example",
    raw=b"From: support@b.example\r\nTo: support@a.example\r\nSubject: Hello\r\nMessage-ID: <1@b.example>\r\n\r\n"
    b"Hello\r\n",
)


async def talk(one: Side, other: Side, way: Callable[[Posted], Posted]) -> list[str]:
    """Let a person of the other desk write once; give who was written to by a machine, in order."""
    await one.take(FIRST)
    written: list[str] = []
    for _ in range(ROUNDS):
        for sender, receiver in ((one, other), (other, one)):
            for posted in await sender.post():
                written.append(posted.rcpt_to)
                await receiver.take(way(posted))
    return written


def untouched(posted: Posted) -> Posted:
    return posted


def stripped(posted: Posted) -> Posted:
    """Take away everything that tells of a machine, as a bad relay might, and make it another mail."""
    mail = message_from_bytes(posted.raw, policy=SMTP)
    for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "X-Loop", "Precedence", "In-Reply-To", "References"):
        del mail[name]
    del mail["Subject"]
    mail["Subject"] = "Hello"
    return Posted(mail_from=str(mail["From"]), rcpt_to=posted.rcpt_to, raw=mail.as_bytes())


async def test_a_receipt_is_answered_by_no_receipt(sides: tuple[Side, Side]) -> None:
    assert await talk(*sides, untouched) == ["support@b.example"]


async def test_what_arrives_tells_of_a_machine_to_every_desk(sides: tuple[Side, Side]) -> None:
    one, other = sides
    await one.take(FIRST)
    (posted,) = await one.post()
    assert await other.take(posted) in (Automatic.AUTO_REPLY, Automatic.BOUNCE)
    assert b"Hello\r\n" not in posted.raw.partition(b"\r\n\r\n")[2]


async def test_where_all_signs_of_a_machine_are_lost_each_desk_writes_once_and_no_more(
    sides: tuple[Side, Side],
) -> None:
    assert await talk(*sides, stripped) == ["support@b.example", "support@a.example"]
