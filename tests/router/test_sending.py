"""The sending worker against a real store and a real relay: every reply arrives, in order, whatever happens."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from answering_lab import answers
from routing_lab import Lab
from sending_lab import LEASE, DiedError, Post, open_post

from doubles.mail_relay import MailRelay, mail_relay
from schemas.message import BlobRef, File, Text


@pytest.fixture
def relay() -> Iterator[MailRelay]:
    with mail_relay() as found:
        yield found


async def states(post: Post, message_id: int) -> dict[str, str]:
    return {r["address"]: r["state"] for r in (await post.send(message_id))["recipients"]}


async def test_a_reply_arrives_and_its_state_is_told(database: str, tmp_path: Path, relay: MailRelay) -> None:
    async with open_post(database, tmp_path, relay) as post:
        message = await post.say(await post.opened(), "Try again")
        await post.drain()
        assert post.texts() == ["Try again"]
        assert await states(post, message) == {"ana@a.example": "sent"}
        row = (
            await post.lab.rows("select encode(raw_sha256, 'hex') d, raw_size from messages where id = %s", [message])
        )[0]
        raw = await post.blobs.get(row["d"])
        assert (raw, len(raw)) == (relay.taken[0].raw, row["raw_size"])
        assert await post.lab.rows("select 1 from blob_refs where owner_id = %s and owner_kind = 'message'", [message])
        events = [Lab.event(row["event"]) for row in await post.lab.rows("select event from outbox order by sequence")]
        assert [event.type for event in events] == [
            "ticket.created", "ticket.message_added", "ticket.delivery_changed"
        ]  # fmt: skip
        assert [(d.address, d.state) for d in events[-1].data.delivery] == [("ana@a.example", "sent")]
        assert post.told.counts == {("reply", "sent"): 1}


STEPS = ("after the claim", "before the blob", "after the blob", "before sending", "before the mark")


@pytest.mark.parametrize("step", STEPS)
async def test_a_worker_that_dies_at_any_step_loses_nothing(
    step: str, database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        message = await post.say(await post.opened(), "Try again")
        with pytest.raises(DiedError):
            await post.drain(step)
        await post.drain()
        assert (await post.send(message))["state"] == "queued"
        post.now += LEASE + timedelta(seconds=1)
        await post.drain()
        assert (await post.send(message))["state"] == "sent"
        copies = {taken.raw for taken in relay.taken}
        assert len(copies) == 1
        assert len(relay.taken) == (2 if step == "before the mark" else 1)


async def test_replies_of_a_ticket_arrive_in_order_with_two_workers(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        first, second = await post.opened("one"), await post.opened("two", subject="Scanner")
        for turn in range(6):
            await post.say(first, f"first {turn}")
            await post.say(second, f"second {turn}")
        workers = [post.worker(), post.worker()]

        async def drain(worker: int) -> None:
            idle = 0
            while idle < 3:
                idle = 0 if await workers[worker].round() else idle + 1
                await asyncio.sleep(0.02)

        await asyncio.gather(drain(0), drain(1))
        for name in ("first", "second"):
            assert [t for t in post.texts() if t.startswith(name)] == [f"{name} {turn}" for turn in range(6)]


async def test_a_later_reply_waits_for_an_earlier_one_to_the_same_person_alone(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        number = await post.opened()
        relay.answers["bob@b.example"] = ["450 later"]
        await post.say(number, "one", cc=["bob@b.example"])
        await post.say(number, "two")
        await post.say(number, "three", cc=["bob@b.example"])
        await post.drain()
        assert post.texts() == ["one", "two"]
        relay.answers["bob@b.example"] = []
        post.now += timedelta(minutes=2)
        await post.drain()
        assert post.texts() == ["one", "two", "one", "three"]
        assert [taken.rcpt_to for taken in relay.taken] == [
            ("ana@a.example",), ("ana@a.example",), ("bob@b.example",), ("ana@a.example", "bob@b.example")
        ]  # fmt: skip


async def test_a_recipient_refused_for_ever_is_failed_and_the_other_gets_it(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        number = await post.opened()
        relay.answers["bob@b.example"] = ["550 5.1.1 no such user"]
        message = await post.say(number, "one", cc=["bob@b.example"])
        await post.drain()
        assert await states(post, message) == {"ana@a.example": "sent", "bob@b.example": "failed"}
        assert (await post.send(message))["problem"] == "5.1.1 no such user"


async def test_who_refused_the_last_mail_is_named_with_the_next(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        number = await post.opened()
        relay.answers["ana@a.example"] = ["550 5.1.1 no such user"]
        await post.say(number, "one")
        await post.drain()
        said = await answers(post.lab).reply(number, Text(content="two"), by="rui")
        assert said.bounced == {"ana@a.example": "5.1.1 no such user"}


async def test_a_temporary_refusal_is_tried_again_later_and_later_and_given_up_in_the_end(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        relay.answers["ana@a.example"] = ["451 4.7.1 greylisted"]
        message = await post.say(await post.opened(), "one")
        pauses = []
        for _ in range(8):
            await post.drain()
            due = (await post.send(message))["due_at"]
            pauses.append((due - post.now).total_seconds() / 60)
            post.now = due
        for pause, minutes in zip(pauses, (1, 2, 4, 8, 16, 32, 60, 60), strict=True):
            assert 0.8 * minutes <= pause <= 1.2 * minutes
        post.now += timedelta(days=5)
        await post.drain()
        row = await post.send(message)
        assert (row["state"], row["recipients"][0]["code"]) == ("failed", "451")
        assert row["problem"].startswith("given up: ")
        assert post.told.counts == {("reply", "later"): 8, ("reply", "failed"): 1}


async def test_an_outage_of_the_relay_costs_no_attempt_and_makes_no_hot_loop(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        port = relay.port
        message = await post.say(await post.opened(), "one")
        worker = post.worker()
        relay.stop()
        assert await worker.round() == 1
        assert "refuses connections" in post.told.troubles["mail"]
        assert [await worker.round() for _ in range(5)] == [0] * 5
        assert (await post.send(message))["attempts"] == 0
        relay.start(port)
        post.now += timedelta(seconds=2)
        assert await worker.round() == 1
        assert (post.texts(), post.told.troubles) == (["one"], {})


async def test_a_connection_that_breaks_at_one_mail_stops_no_other(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        first, second = await post.opened("one"), await post.opened("two", subject="Scanner")
        relay.data[:] = ["451 not this one", "250 OK"]
        await post.say(first, "one")
        await post.drain()
        await post.say(second, "two")
        await post.drain()
        assert post.texts() == ["two"]


async def test_files_go_along(database: str, tmp_path: Path, relay: MailRelay) -> None:
    async with open_post(database, tmp_path, relay) as post:
        stored = await post.blobs.put(b"%PDF")
        blob = BlobRef(sha256=stored.sha256, size=stored.size)
        file = File(name="счёт.pdf", content_type="application/pdf", size=4, blob=blob)
        await post.say(await post.opened(), "Here it is", files=[file])
        await post.drain()
        (part,) = relay.taken[0].mail.iter_attachments()
        assert (part.get_filename(), part.get_content()) == ("счёт.pdf", b"%PDF")


async def test_a_file_that_is_gone_is_waited_for_and_stops_no_other_ticket(
    database: str, tmp_path: Path, relay: MailRelay
) -> None:
    async with open_post(database, tmp_path, relay) as post:
        file = File(name="a.pdf", size=4, blob=BlobRef(sha256="0" * 64, size=4))
        lost = await post.say(await post.opened(), "one", files=[file])
        await post.say(await post.opened("two", subject="Scanner"), "two")
        await post.drain()
        assert post.texts() == ["two"]
        row = await post.send(lost)
        assert (row["state"], "cannot be read" in row["problem"]) == ("queued", True)
