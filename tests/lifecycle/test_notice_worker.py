"""Due notices become messages of ours, on real PostgreSQL: once, within the limits, whoever else is at work."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from notice_samples import ALL_REASONS, BIG
from routing_lab import KEY, OWN_ADDRESS, START, Lab, mail, open_lab

from daemon.notice_desk import NoticeDesk, NoticeDesks
from lifecycle.notice_worker import BATCH, NoticeWorker
from lifecycle.notices import AccountNotices, Limits
from router.notice_policy import NoticePolicy
from router.policy import AccountPolicy, Policies, SenderMatch, Takes
from schemas.message import FoundToken, InboundMessage, Party, TokenPlace
from schemas.notice_rows import TakenNotice
from schemas.tokens import token_in_message_id
from ticket_store.instance import Instance
from ticket_store.notices import NoticeStore
from ticket_store.numbers import TicketNumbers
from ticket_store.statements import statement

INSTANCE = Instance(instance_id=UUID(int=7), ticket_number_key=KEY, created_at=START)
ALL = NoticePolicy(refused_file=True, receipt=True, held=True)
LATER = START + timedelta(minutes=1)


def telling(takes: Takes = Takes.ALL) -> Policies:
    policy = AccountPolicy(takes=takes, notices=ALL, sender_match=SenderMatch.OFF)
    return Policies(own_addresses=frozenset({OWN_ADDRESS}), default=policy)


class Desk:
    """A lab with workers of notices."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.heard: Counter[tuple[str, str]] = Counter()
        self.now = LATER

    def worker(self, account: AccountNotices = ALL_REASONS, most: int = 5) -> NoticeWorker:
        return NoticeWorker(
            desk=worker_desks(self),
            accounts={"support": account},
            senders={"support": Party(address=OWN_ADDRESS, name="Desk")},
            limits=Limits(per_address_a_day=most),
            clock=lambda: self.now,
            heard=self.hear,
        )

    def hear(self, reason: str, outcome: str, count: int) -> None:
        self.heard[reason, outcome] += count

    async def write(self, *messages: InboundMessage, takes: Takes = Takes.ALL) -> None:
        await self.lab.route(*messages, policies=telling(takes))

    async def notices(self) -> list[dict[str, Any]]:
        return await self.lab.rows("select reason, state, why, address, send_message_id from notices order by id")

    async def sends(self) -> list[dict[str, Any]]:
        return await self.lab.rows(
            "select m.*, s.ticket_id, s.kind as sent_as, s.state as sending, s.recipients"
            " from sends s join messages m on m.id = message_id order by m.id"
        )


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    async with open_lab(database) as lab:
        yield Desk(lab)


def worker_desks(desk: Desk) -> NoticeDesks:
    store = NoticeStore(pool=desk.lab.pool, numbers=TicketNumbers(key=KEY))
    return NoticeDesks(store=store, instance=INSTANCE)


def written(name: str, sender: str = "ana@a.example", **more: Any) -> InboundMessage:
    made = mail(name, sender, verdict="pass", **more)
    envelope = {"mail_from": sender, "rcpt_to": [OWN_ADDRESS], "intake": "smtp"}
    return InboundMessage.model_validate({**made.model_dump(), "envelope": envelope})


async def test_a_refused_file_is_told_on_the_ticket_as_a_message_of_the_system(desk: Desk) -> None:
    await desk.write(written("one", files=[BIG]))
    assert await desk.worker().turn() == 1
    (sent,) = await desk.sends()
    assert (sent["sent_as"], sent["sending"], sent["state"]) == ("notice", "queued", "ticketed")
    assert [one["address"] for one in sent["recipients"]] == ["ana@a.example"]
    assert (sent["direction"], sent["author"], sent["visibility"]) == ("out", "system", "public")
    assert sent["sender_address"] == OWN_ADDRESS
    assert "big.zip (25 MB)" in sent["body_text"]
    assert sent["subject"].endswith("] Printer")
    assert "text of one" not in sent["body_text"]
    (notice,) = await desk.notices()
    assert (notice["state"], notice["send_message_id"]) == ("sent", sent["id"])
    assert desk.heard == {("refused_file", "sent"): 1}


async def test_it_answers_the_message_and_carries_a_signed_id(desk: Desk) -> None:
    await desk.write(written("one", files=[BIG], references=["older"]))
    await desk.lab.run("update spool set held_at = held_at")
    await desk.worker().turn()
    (found,) = await desk.sends()
    thread = found["details"]["thread"]
    assert token_in_message_id(thread["own"]["shown"])
    assert [one["shown"] for one in thread["in_reply_to"]] == ["<one@mail.example>"]
    assert [one["shown"] for one in thread["references"]] == ["<older@mail.example>", "<one@mail.example>"]


async def test_the_tickets_history_has_no_gap_and_its_clock_stands_still(desk: Desk) -> None:
    await desk.write(written("one", files=[BIG]), written("two", "bob@b.example"))
    await desk.worker().turn()
    rows = await desk.lab.rows("select version, message_count, last_message_at, id from tickets order by id")
    assert [(row["version"], row["message_count"], row["last_message_at"]) for row in rows] == [(2, 2, START)] * 2
    assert await desk.lab.events() == ["ticket.created", "ticket.message_added"] * 2
    event = desk.lab.event((await desk.lab.rows("select event from outbox order by position desc limit 1"))[0]["event"])
    assert event.data.message is not None
    assert (event.data.message.author, event.data.message.direction, event.data.message.rule) == (
        "system",
        "out",
        "notice",
    )


async def test_a_held_message_is_told_of_without_a_ticket_and_the_ledger_counts_nothing_twice(desk: Desk) -> None:
    await desk.write(written("one"), takes=Takes.REPLIES)
    await desk.worker().turn()
    (row,) = await desk.lab.rows("select state, ticket_id, direction, subject from messages where direction = 'out'")
    assert row == {"state": "noted", "ticket_id": None, "direction": "out", "subject": "Re: Printer"}
    (sent,) = await desk.lab.rows("select ticket_id, kind from sends")
    assert sent == {"ticket_id": None, "kind": "notice"}
    assert await desk.lab.rows("select id from outbox") == []
    async with desk.lab.pool.connection() as connection:
        cursor = await connection.execute(statement("ledger", "outcomes"), {"topic": "switchboard.inbound"})
        assert [(row[0], row[3]) for row in await cursor.fetchall()] == [("held", 1)]


@pytest.mark.parametrize("place", ["in_reply_to", "recipient"])
async def test_an_answer_to_the_notice_of_a_held_message_waits_like_that_message(desk: Desk, place: str) -> None:
    await desk.write(written("one"), takes=Takes.REPLIES)
    await desk.worker().turn()
    own = (await desk.sends())[0]["details"]["thread"]["own"]["shown"]
    answer = written("two", answers=own, subject="Re: Printer", prefix="reply")
    token = FoundToken(place=TokenPlace(place), value=token_in_message_id(own))
    thread = answer.thread.model_copy(update={"tokens": (token,)})
    await desk.write(answer.model_copy(update={"thread": thread}), takes=Takes.REPLIES)
    assert set(await desk.lab.held()) == {"one", "two"}


async def test_the_second_the_same_day_says_why_it_was_suppressed_and_the_next_day_has_its_own(desk: Desk) -> None:
    await desk.write(written("one", files=[BIG]))
    await desk.worker().turn()
    await desk.write(written("two", files=[BIG], subject="Other"))
    await desk.worker().turn()
    assert [row["state"] for row in await desk.notices()] == ["sent", "suppressed"]
    assert "last 24 hours" in (await desk.notices())[1]["why"]
    assert desk.heard["refused_file", "suppressed"] == 1
    desk.now = LATER + timedelta(hours=24)
    await desk.write(written("three", files=[BIG], subject="Third", minutes=60))
    await desk.worker().turn()
    assert [row["state"] for row in await desk.notices()] == ["sent", "suppressed", "sent"]


async def test_workers_that_race_never_pass_a_limit(desk: Desk) -> None:
    people = [f"p{number}@a.example" for number in range(4)]
    for number in range(40):
        await desk.write(
            *(
                written(f"{person}{number}", person, files=[BIG] if number % 2 else [], subject=f"S{number}")
                for person in people
            )
        )
    assert len(await desk.notices()) == 160

    async def work() -> None:
        for _ in range(12):
            await desk.worker(most=2).turn()

    await asyncio.gather(*(work() for _ in range(4)))
    rows = await desk.notices()
    assert {row["state"] for row in rows} == {"sent", "suppressed"}
    sent = Counter((row["address"], row["reason"]) for row in rows if row["state"] == "sent")
    assert sent == {(person, reason): 1 for person in people for reason in ("receipt", "refused_file")}
    assert len(await desk.sends()) == len(people) * 2
    assert desk.heard.total() == 160


async def test_a_worker_that_comes_before_anothers_commit_finds_nothing_and_the_limit_holds(desk: Desk) -> None:
    await desk.write(*(written(f"m{number}", files=[BIG], subject=f"S{number}") for number in range(BATCH + 50)))
    desks = worker_desks(desk)
    between: list[int] = []

    @asynccontextmanager
    async def slow(now: datetime) -> AsyncIterator[NoticeDesk]:
        async with desks(now) as opened:
            yield opened
            between.append(await desk.worker().turn())

    worker = desk.worker()
    worker._desk = slow
    assert await worker.turn() == BATCH
    assert between == [0]
    assert await desk.worker().turn() == 50
    assert Counter(row["state"] for row in await desk.notices()) == {"sent": 1, "suppressed": BATCH + 49}


async def test_no_more_than_the_limit_of_all_reasons_goes_to_one_address_however_many_race(desk: Desk) -> None:
    await desk.write(*(written(f"m{n}", files=[BIG] if n % 2 else [], subject=f"S{n}") for n in range(30)))
    await asyncio.gather(*(desk.worker(most=1).turn() for _ in range(5)))
    await desk.worker(most=1).turn()
    assert Counter(row["state"] for row in await desk.notices()) == {"sent": 1, "suppressed": 29}


async def test_a_worker_that_dies_before_its_commit_has_told_nobody(desk: Desk) -> None:
    await desk.write(written("one", files=[BIG]))
    desks = worker_desks(desk)

    @asynccontextmanager
    async def dying(now: datetime) -> AsyncIterator[NoticeDesk]:
        async with desks(now) as opened:
            yield opened
            raise SystemError("power is gone")

    worker = desk.worker()
    worker._desk = dying
    with suppress(SystemError):
        await worker.turn()
    assert [row["state"] for row in await desk.notices()] == ["due"]
    assert await desk.sends() == []
    assert await desk.worker().turn() == 1
    assert len(await desk.sends()) == 1


async def test_a_text_that_cannot_be_filled_in_stops_only_its_own_notice(desk: Desk, tmp_path: Any) -> None:
    (tmp_path / "receipt.en.txt").write_text("Subject: x\n{{ nobody }}")
    await desk.write(written("one", files=[BIG]), written("two", "bob@b.example"))
    await desk.worker(AccountNotices(reasons=ALL_REASONS.reasons, templates=tmp_path)).turn()
    rows = {row["reason"]: (row["state"], row["why"]) for row in await desk.notices()}
    assert rows["refused_file"] == ("sent", "")
    assert rows["receipt"][0] == "suppressed"
    assert "receipt.en.txt, line 2" in rows["receipt"][1]


async def test_a_message_that_moved_between_taking_and_locking_waits_for_the_next_turn(desk: Desk) -> None:
    await desk.write(written("one"), written("two", "bob@b.example"))
    first, second = [row["id"] for row in await desk.lab.rows("select id from tickets order by id")]
    desks = worker_desks(desk)

    @asynccontextmanager
    async def moving(now: datetime) -> AsyncIterator[NoticeDesk]:
        async with desks(now) as opened:
            take = opened._transaction.take

            async def take_while_somebody_moves(limit: int) -> Sequence[TakenNotice]:
                taken = await take(limit)
                await desk.lab.run("update messages set ticket_id = %s where ticket_id = %s", [second, first])
                return taken

            opened._transaction.take = take_while_somebody_moves  # type: ignore[method-assign] # the move of another
            yield opened

    worker = desk.worker()
    worker._desk = moving
    assert await worker.turn() == 1
    assert [row["state"] for row in await desk.notices()] == ["due", "sent"]
    assert await desk.worker().turn() == 1
    assert [row["ticket_id"] for row in await desk.sends()] == [second, second]
