"""Rules and gates on a real store: what they need is read under locks, and what they decide is written at once."""

import asyncio
from typing import Any

from routing_lab import HOLDING, OWN_ADDRESS, START, Lab, mail, open_lab
from signed_lab import say, stored, ticket_of

from router.decode import headers_json
from router.desk import Desk
from router.policy import AccountPolicy, Policies, Staff, Strangers
from router.second_look import SecondLook
from schemas.changes import Changes
from schemas.message import InboundMessage, record_header
from schemas.numbers import subject_tag
from schemas.placement import Author, Visibility
from schemas.routing_rows import QuotedRow
from schemas.sending_rows import DeliveryRow
from schemas.tokens import token_in_message_id

RUI = "rui@work.example"
STAFFED = Policies(
    own_addresses=HOLDING.own_addresses,
    staff=Staff(addresses=frozenset({RUI})),
    senders={"support": OWN_ADDRESS},
    default=AccountPolicy(strangers=Strangers.ATTACH),
)


def report(name: str, token: str, **said: Any) -> InboundMessage:
    return mail(
        name,
        "mailer-daemon@mx.example",
        automatic="bounce",
        tokens=[("report", token)],
        report={"recipient": "ana@a.example", "status": "5.1.1", **said},
    )


async def somebody_waits(lab: Lab) -> None:
    """Return when a transaction waits for another one."""
    for _ in range(2000):
        if await lab.rows("select 1 from pg_locks where not granted"):
            return
        await asyncio.sleep(0.01)


async def test_a_reply_address_finds_its_ticket_without_any_id_in_common(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        token = await say(lab, "one")
        await lab.route(mail("two", prefix="reply", tokens=[("recipient", token)], minutes=1))
        assert await ticket_of(lab, "two") == await ticket_of(lab, "one")
        assert (await lab.decision("two"))["rule"] == "reply_token"


async def test_a_token_follows_its_message_to_another_ticket(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("other", subject="Scanner"))
        token = await say(lab, "one")
        await lab.run("update messages set ticket_id = %s where id = 9000", [await ticket_of(lab, "other")])
        await lab.route(mail("two", subject="Scanner", tokens=[("recipient", token)]))
        assert await ticket_of(lab, "two") == await ticket_of(lab, "other")


async def test_our_own_mail_is_noted_and_its_id_stays_ours(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        token = await say(lab, "one")
        await lab.route(mail(f"sb.{token}@desk.example", body="echo", tokens=[("own_id", token)]))
        assert (await lab.rows("select state from messages where body_text = 'echo'")) == [{"state": "noted"}]
        row = (await lab.rows("select reused from thread_ids where known_message_id = 9000"))[0]
        assert row == {"reused": False}


async def test_a_number_in_the_subject_is_looked_up_in_the_store(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        number = (await lab.rows("select number from tickets"))[0]["number"]
        two = mail("two", subject="", verdict="pass", prefix="reply")
        await lab.route(two.model_copy(update={"subject": subject_tag(number)}))
        assert (await lab.decision("two"))["rule"] == "subject_tag"


async def test_a_bounce_changes_one_recipient_and_says_so_in_one_event(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        token = await say(lab, "one", to=["ana@a.example", "bob@b.example"])
        await lab.route(report("two", token), report("three", token), report("four", token, recipient="bob@b.example"))
        recipients = (await lab.rows("select recipients from sends"))[0]["recipients"]
        assert [(one["address"], one["state"]) for one in recipients] == [
            ("ana@a.example", "bounced"),
            ("bob@b.example", "bounced"),
        ]
        assert await lab.events() == ["ticket.created", "ticket.delivery_changed", "ticket.delivery_changed"]
        events = await lab.rows("select event from outbox order by sequence")
        told = lab.event(events[1]["event"])
        assert [(one.address, one.state) for one in told.data.delivery] == [
            ("ana@a.example", "bounced"),
            ("bob@b.example", "queued"),
        ]
        assert told.data.message is not None
        assert (told.data.message.id, told.data.message.direction) == (9000, "out")
        assert {(await stored(lab, name))["state"] for name in ("two", "three", "four")} == {"noted"}
        assert (await lab.rows("select version from tickets"))[0]["version"] == 3


async def test_a_storm_of_bounces_is_one_change_a_message(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(*(mail(f"m{n}", f"s{n}@a.example") for n in range(50)))
        tokens = [await say(lab, f"m{n}", to=[f"s{n}@a.example"], message_id=9000 + n) for n in range(50)]
        storm = [report(f"r{n}", token, recipient="") for n, token in enumerate(tokens)]
        again = [report(f"x{n}", token, recipient="") for n, token in enumerate(tokens)]
        await lab.route(*storm, *again)
        assert (await lab.events()).count("ticket.delivery_changed") == 50
        states = await lab.rows("select recipients -> 0 ->> 'state' as state, count(*) from sends group by 1")
        assert states == [{"state": "bounced", "count": 50}]


async def test_an_agents_answer_is_sent_in_the_transaction_that_takes_it(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        token = await say(lab, "one")
        await lab.route(mail("two", RUI, verdict="pass", tokens=[("to", token)]), policies=STAFFED)
        rows = await lab.rows(
            "select direction, author, visibility, sender_address from messages"
            " where body_text = 'text of two' order by id"
        )
        assert rows == [
            {"direction": "in", "author": "agent", "visibility": "public", "sender_address": RUI},
            {"direction": "out", "author": "agent", "visibility": "public", "sender_address": OWN_ADDRESS},
        ]
        send = (await lab.rows("select * from sends where message_id <> 9000"))[0]
        assert (send["kind"], send["state"], send["recipients"][0]["address"]) == ("reply", "queued", "ana@a.example")
        sent = (await lab.rows("select details, ticket_id from messages where id = %s", [send["message_id"]]))[0]
        shown = sent["details"]["thread"]["own"]["shown"]
        named = sent["details"]["thread"]
        assert [one["shown"] for one in named["in_reply_to"]] == ["<one@mail.example>"]
        assert [one["shown"] for one in named["references"]] == ["<one@mail.example>", f"sb.{token}@desk.example"]
        answer = mail("three", minutes=1, tokens=[("in_reply_to", token_in_message_id(shown))])
        await lab.route(answer)
        assert await ticket_of(lab, "three") == sent["ticket_id"]
        assert (await lab.rows("select message_count from tickets"))[0]["message_count"] == 4


async def test_what_agents_write_and_strangers_add_is_told_apart_in_events(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        await lab.route(mail("two", "eve@e.example", answers="one"), policies=STAFFED)
        event = lab.event((await lab.rows("select event from outbox order by sequence desc limit 1"))[0]["event"])
        assert event.data.message is not None
        assert (event.data.message.visibility, event.data.message.author) == (
            Visibility.UNVERIFIED,
            Author.CUSTOMER,
        )
        assert (await stored(lab, "two"))["visibility"] == "unverified"


async def test_an_answer_to_an_internal_message_is_stored_as_internal(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one", cc=["bob@b.example"]))
        token = await say(lab, "one", visibility=Visibility.INTERNAL)
        await lab.route(mail("two", "bob@b.example", answers=f"sb.{token}@desk.example"))
        await lab.route(mail("three", "bob@b.example", answers="two"))
        assert [(await stored(lab, name))["visibility"] for name in ("two", "three")] == ["internal", "internal"]


async def test_a_chain_of_merged_tickets_is_read_to_its_end(database: str) -> None:
    async with open_lab(database) as lab:
        names = [f"m{number}" for number in range(17)]
        await lab.route(*(mail(name, subject=name) for name in names))
        await lab.run("update tickets set merged_into_id = id + 1, status = 'closed', closed_at = now() where id < 17")
        await lab.route(mail("answer", answers="m0", subject="m0"))
        assert await ticket_of(lab, "answer") == 17
        await lab.run("update tickets set merged_into_id = 1, status = 'closed', closed_at = now() where id = 17")
        await lab.route(mail("late", answers="m3", subject="m3"))
        assert (await lab.held())["late"] == "unmatched_reply"


async def test_a_ticket_that_is_merged_while_a_batch_waits_for_it_leads_on(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("other", subject="Scanner"))
        async with lab.pool.connection() as connection, connection.transaction():
            await connection.execute(
                "update tickets set merged_into_id = 2, status = 'closed', closed_at = created_at where id = 1"
            )
            answer = asyncio.create_task(lab.route(mail("two", answers="one")))
            await asyncio.wait_for(somebody_waits(lab), timeout=20)
        await answer
        assert await ticket_of(lab, "two") == 2
        assert (await lab.rows("select message_count from tickets order by id")) == [
            {"message_count": 1},
            {"message_count": 2},
        ]


async def test_a_move_teaches_what_its_sender_quotes(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("news", "shop@s.example", cc=["ana@a.example", "bob@b.example"]))
        await lab.route(mail("right", subject="Invoice"))
        news, right = await stored(lab, "news"), await stored(lab, "right")
        taught = QuotedRow("support", news["own_digest"], right["sender_key"], right["id"], taught=True)
        async with lab.store.transaction() as transaction:
            await transaction.write(Changes(quoted=[taught]))
        await lab.route(mail("two", answers="news", subject="Invoice"), mail("three", "bob@b.example", answers="news"))
        assert await ticket_of(lab, "two") == right["ticket_id"]
        assert await ticket_of(lab, "three") == news["ticket_id"]


async def test_a_message_that_an_operator_links_goes_where_its_ticket_goes_on(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("other", "bob@b.example"), mail("lost", answers="away"))
        await lab.run("update tickets set merged_into_id = 2, status = 'closed', closed_at = now() where id = 1")
        number = (await lab.rows("select number from tickets where id = 1"))[0]["number"]
        desk = Desk(store=lab.store, policies=HOLDING, source="/switchboard/lab", clock=lambda: START)
        await desk.link((await stored(lab, "lost"))["id"], number)
        assert await ticket_of(lab, "lost") == 2


async def test_a_held_agents_mail_that_is_linked_stays_among_agents(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        await lab.route(mail("two", RUI, verdict="none"), policies=STAFFED)
        assert await lab.held() == {"two": "staff"}
        number = (await lab.rows("select number from tickets"))[0]["number"]
        desk = Desk(store=lab.store, policies=STAFFED, source="/switchboard/lab", clock=lambda: START)
        await desk.link((await stored(lab, "two"))["id"], number)
        row = await stored(lab, "two")
        assert (row["author"], row["visibility"]) == ("agent", "internal")
        assert await lab.rows("select * from sends") == []


async def test_the_state_of_what_was_sent_is_written_for_many_at_once(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        await say(lab, "one")
        async with lab.store.transaction() as transaction:
            locked = await transaction.lock_sends({9000})
            assert [(row.message_id, row.author) for row in locked] == [(9000, "agent")]
            await transaction.write(Changes(deliveries=[DeliveryRow(9000, "[]")]))
        assert await lab.rows("select recipients from sends") == [{"recipients": []}]


def quoting(token: str, **more: Any) -> InboundMessage:
    return mail("two", RUI, verdict="pass", tokens=[("to", token)], body="Done.\n> inside", **more)


def own_text(text: str) -> str:
    return text.partition("\n>")[0]


async def test_an_agents_answer_that_could_not_be_read_goes_to_the_customer_once_it_can(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        token = await say(lab, "one")
        await lab.route(quoting(token, kind="undecodable"), policies=STAFFED)
        await lab.route(quoting(token, normalizer_version=2), policies=STAFFED)
        look = SecondLook(
            store=lab.store, policies=STAFFED, source="/switchboard/lab", clock=lambda: START, own_text=own_text
        )
        assert await look.round() == 1
        sent = await lab.rows(
            "select body_text, recipients from sends join messages on id = message_id where message_id <> 9000"
        )
        assert [(row["body_text"], row["recipients"][0]["address"]) for row in sent] == [("Done.", "ana@a.example")]


async def test_an_agents_answer_from_a_dead_letter_goes_out_without_what_it_quotes(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        token = await say(lab, "one")
        await lab.run(
            'insert into dead_letters (topic, partition, "offset", log_identity, key, value, headers, account, reason,'
            " sqlstate, died_at) values ('t', 0, 0, 'lab', '', %s, %s::jsonb, 'support', 'x', '', now())",
            [quoting(token).model_dump_json().encode(), headers_json([record_header()])],
        )
        desk = Desk(
            store=lab.store, policies=STAFFED, source="/switchboard/lab", clock=lambda: START, own_text=own_text
        )
        (letter,) = await lab.rows("select id from dead_letters")
        assert (await desk.retry(letter["id"])).reason == ""
        rows = await lab.rows("select body_text from sends join messages on id = message_id where message_id <> 9000")
        assert [row["body_text"] for row in rows] == ["Done."]


async def test_held_mail_of_staff_that_an_operator_opens_is_an_agents(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("two", RUI, verdict="none"), policies=STAFFED)
        desk = Desk(store=lab.store, policies=STAFFED, source="/switchboard/lab", clock=lambda: START)
        await desk.open((await stored(lab, "two"))["id"])
        assert (await stored(lab, "two"))["author"] == "agent"
