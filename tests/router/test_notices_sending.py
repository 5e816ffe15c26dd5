"""Notices among what is sent: they hold back no reply, and an old one is given up unsent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from notice_samples import ALL_REASONS, BIG
from routing_lab import HOLDING, KEY, OWN_ADDRESS, START, Lab, mail, open_lab

from daemon.adapters import STORE_ERRORS
from daemon.notice_desk import NoticeDesks
from lifecycle.notice_worker import NoticeWorker
from lifecycle.notices import Limits
from router.deliveries import Delivery, Marker
from router.notice_policy import NoticePolicy
from router.outbound import Outbound
from router.policy import AccountPolicy, Policies, SenderMatch
from router.sending import SenderOptions, SendingWorker
from schemas.message import InboundMessage, Party, Text
from schemas.outbound_rows import DueSend
from ticket_store.instance import read_or_create
from ticket_store.notices import NoticeStore
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore
from ticket_store.sends import PostgresSends

DESK = Party(address=OWN_ADDRESS, name="Desk")
DAY = timedelta(hours=24)


class Post:
    """A way out that keeps what it is given; it tells notices to come later while `shy`."""

    def __init__(self, *, shy: bool) -> None:
        self.shy = shy
        self.kinds: list[str] = []

    async def render(self, send: DueSend) -> bytes:
        return str(send.message_id).encode()

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivery]:
        assert raw
        self.kinds.append(send.kind)
        state = "later" if self.shy and send.kind == "notice" else "sent"
        return dict.fromkeys(addresses, Delivery(state, "450"))


class Nothing:
    """Keeps bytes nowhere, and hears of everything."""

    async def get(self, digest: str) -> bytes:
        return digest.encode()

    async def keep(self, content: bytes) -> None:
        assert content

    def trouble(self, channel: str, message: str) -> None:
        raise AssertionError(channel, message)

    def well(self, channel: str) -> None:
        assert channel == "mail"

    def delivered(self, kind: str, state: str) -> None:
        assert kind
        assert state


async def told(lab: Lab) -> None:
    """Let Ana write with a large file, and write the notice."""
    made = mail("one", verdict="pass", files=[BIG])
    envelope = {"mail_from": "ana@a.example", "rcpt_to": [OWN_ADDRESS], "intake": "smtp"}
    message = InboundMessage.model_validate({**made.model_dump(), "envelope": envelope})
    policy = AccountPolicy(sender_match=SenderMatch.OFF, notices=NoticePolicy())
    await lab.route(message, policies=Policies(own_addresses=frozenset({OWN_ADDRESS}), default=policy))
    async with lab.pool.connection() as connection:
        instance = await read_or_create(connection)
    worker = NoticeWorker(
        desk=NoticeDesks(store=NoticeStore(pool=lab.pool, numbers=TicketNumbers(key=KEY)), instance=instance),
        accounts={"support": ALL_REASONS},
        senders={"support": DESK},
        limits=Limits(),
        clock=lambda: START,
        heard=lambda _reason, _outcome, _count: None,
    )
    assert await worker.turn() == 1


def sending(lab: Lab, post: Post, now: datetime) -> SendingWorker:
    store = OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY))
    nothing, options = Nothing(), SenderOptions()
    return SendingWorker(
        queue=PostgresSends(pool=lab.pool),
        blobs=nothing,
        channels={"mail": post},
        marker=Marker(store=store, source="/x", clock=lambda: now, metrics=nothing, pace=options.pace),
        health=nothing,
        clock=lambda: now,
        store_errors=STORE_ERRORS,
        options=options,
    )


async def states(lab: Lab) -> dict[str, str]:
    return {row["kind"]: row["state"] for row in await lab.rows("select kind, state from sends")}


async def test_a_notice_that_is_told_to_come_later_holds_back_no_reply(database: str) -> None:
    async with open_lab(database) as lab:
        await told(lab)
        post = Post(shy=True)
        assert await sending(lab, post, START).round() == 1
        desk = Outbound(
            store=OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY)),
            policies=HOLDING,
            desks={"support": DESK},
            source="/x",
            clock=lambda: START,
        )
        number = (await lab.rows("select number from tickets"))[0]["number"]
        await desk.reply(number, Text(content="Got it"), by="rui")
        await sending(lab, post, START).round()
        assert post.kinds == ["notice", "reply"]
        assert await states(lab) == {"notice": "queued", "reply": "sent"}


async def test_a_notice_that_waited_for_the_relay_too_long_is_given_up_unsent(database: str) -> None:
    async with open_lab(database) as lab:
        await told(lab)
        post = Post(shy=False)
        assert await sending(lab, post, START + DAY).round() == 1
        assert (post.kinds, await states(lab)) == ([], {"notice": "failed"})
        (row,) = await lab.rows("select problem from sends")
        assert row["problem"] == "given up: it is too old to be sent"


async def test_a_notice_in_time_is_sent(database: str) -> None:
    async with open_lab(database) as lab:
        await told(lab)
        post = Post(shy=False)
        await sending(lab, post, START + DAY - timedelta(seconds=1)).round()
        assert (post.kinds, await states(lab)) == (["notice"], {"notice": "sent"})
