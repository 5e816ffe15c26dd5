"""Batches on the real database: what they write, and that it does not matter where a batch ends."""

from routing_lab import ANYONE, OPENING, Lab, mail, open_lab

from schemas.message import InboundMessage


def a_full_message() -> InboundMessage:
    return mail(
        "full",
        answers="away",
        cc=["bob@b.example"],
        body="a body",
        html={"content": "<p>a body</p>", "overflow": {"sha256": "b" * 64, "size": 200_000}},
        files=[{"name": "a.png", "size": 3, "blob": {"sha256": "a" * 64, "size": 3}}, {"state": "refused", "size": 9}],
        details={"note": "x"},
        bcc=True,
    )


async def test_a_message_comes_back_from_its_row_as_it_was(database: str) -> None:
    async with open_lab(database) as lab:
        message = a_full_message()
        await lab.route(message)
        async with lab.store.transaction() as transaction:
            rows = await lab.rows("select id from messages")
            row = await transaction.held_message(rows[0]["id"])
        assert row is not None
        assert Lab.message_of(row) == message


async def test_every_blob_of_a_message_is_named(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(a_full_message(), mail("one"), mail("one"))
        kinds = await lab.rows("select owner_kind, count(*) as n from blob_refs group by 1 order by 1")
        assert kinds == [{"owner_kind": "duplicate", "n": 1}, {"owner_kind": "message", "n": 4}]


async def test_the_same_delivery_is_a_duplicate_in_one_batch_and_in_the_next(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("one"))
        await lab.route(mail("one"))
        doubles = await lab.rows("select kind, original_message_id from duplicates")
        messages = await lab.rows("select id from messages")
        assert doubles == [{"kind": "duplicate", "original_message_id": messages[0]["id"]}] * 2
        assert await lab.events() == ["ticket.created"]


async def test_the_same_mail_with_another_body_is_a_copy(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one", body="text"))
        await lab.route(mail("one", body="text and a footer"))
        assert [row["kind"] for row in await lab.rows("select kind from duplicates")] == ["copy"]
        assert await lab.threads() == {"text": ["text"]}


async def test_a_mail_to_two_accounts_of_a_scope_is_one_message(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("one", account="sales"))
        assert await lab.rows("select kind, account from duplicates") == [{"kind": "also_received", "account": "sales"}]
        await lab.route(mail("one", account="shop", scope="shop"))
        assert len(await lab.rows("select id from tickets")) == 2


async def test_a_message_id_of_another_sender_proposes_nothing_from_then_on(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        await lab.route(mail("one", "eve@e.example", body="forged"))
        await lab.route(mail("answer", answers="one"), mail("evil", "eve@e.example", answers="one"))
        assert await lab.threads() == {"one": ["one"], "forged": ["forged"]}
        assert await lab.held() == {"answer": "unmatched_reply", "evil": "unmatched_reply"}


async def test_messages_without_an_id_are_told_apart_by_their_deliveries(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail(None, body="one"), mail(None, body="two"), mail(None, body="one"))
        assert await lab.threads() == {"one": ["one"], "two": ["two"]}
        assert len(await lab.rows("select id from duplicates")) == 1


async def test_a_thousand_senders_who_answer_one_unknown_mail_share_no_ticket(database: str) -> None:
    async with open_lab(database) as lab:
        crowd = [mail(f"m{n}", f"s{n}@crowd.example", answers="newsletter") for n in range(1000)]
        await lab.route(*crowd, policies=ANYONE)
        tickets = await lab.senders_by_ticket()
        assert len(tickets) == 1000
        assert all(len(senders) == 1 for senders in tickets)


async def test_a_thousand_held_answers_release_nobody_but_whom_the_original_names(database: str) -> None:
    async with open_lab(database) as lab:
        everyone = ["press@p.example"]
        crowd = [mail(f"m{n}", f"s{n}@c.example", answers="newsletter", cc=everyone, minutes=1) for n in range(1000)]
        await lab.route(*crowd)
        await lab.route(mail("newsletter", "press@p.example", to=["s7@c.example"]))
        assert await lab.threads() == {"newsletter": ["newsletter", "m7"]}
        assert len(await lab.held()) == 999


async def test_an_original_releases_its_answers_and_theirs(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("three", answers="two", minutes=3))
        await lab.route(mail("two", answers="one", minutes=2), mail("other", "eve@e.example", answers="one"))
        await lab.route(mail("one", minutes=1))
        assert await lab.threads() == {"one": ["one", "two", "three"]}
        assert await lab.held() == {"other": "unmatched_reply"}
        assert (await lab.decision("three"))["rule"] == "original_arrived"
        assert await lab.events() == ["ticket.created", "ticket.message_added", "ticket.message_added"]
        waiting = "select count(*) as n from held_ids join messages on id = message_id where state = 'ticketed'"
        assert (await lab.rows(waiting))[0]["n"] == 0


async def test_an_original_and_its_answers_in_one_batch_end_the_same(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("three", answers="two", minutes=3), mail("two", answers="one", minutes=2), mail("one"))
        assert await lab.threads() == {"one": ["one", "two", "three"]}
        assert await lab.held() == {}
        assert await lab.rows("select * from spool") == []


async def test_a_released_answer_draws_the_next_one_that_quotes_only_the_same_unknown_id(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("two", answers="one", references=["far"], verdict="pass", minutes=1))
        await lab.route(mail("one"))
        await lab.route(mail("three", references=["far"], verdict="pass", minutes=9))
        assert await lab.threads() == {"one": ["one", "two", "three"]}


async def test_an_answer_reopens_a_closed_ticket_and_says_so(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        await lab.run("update tickets set status = 'closed', closed_at = created_at, version = version + 1")
        await lab.route(mail("two", answers="one", minutes=5))
        ticket = (await lab.rows("select status, closed_at, version, message_count from tickets"))[0]
        assert ticket == {"status": "open", "closed_at": None, "version": 4, "message_count": 2}
        events = await lab.rows("select event::jsonb as event from outbox order by sequence")
        assert [row["event"]["data"]["sequence"] for row in events] == [1, 3, 4]
        assert events[1]["event"]["data"]["previous_status"] == "closed"


async def test_events_are_valid_and_carry_the_ticket(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("one"), mail("two", answers="one", prefix="forward"))
        first, second = [
            Lab.event(row["event"]) for row in await lab.rows("select event from outbox order by position")
        ]
        assert first.data.message is not None
        assert first.data.message.text == "text of one"
        assert second.data.ticket.continues == first.subject
        assert (first.source, first.data.sequence, first.data.ticket.message_count) == ("/switchboard/lab", 1, 1)


async def test_a_held_reply_by_policy_new_has_a_ticket_of_its_own(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("two", answers="one"), policies=OPENING)
        await lab.route(mail("one"), policies=OPENING)
        assert await lab.threads() == {"two": ["two"], "one": ["one"]}


async def test_what_one_transaction_reserves_no_other_hands_out_and_the_rest_goes_back(database: str) -> None:
    async with open_lab(database) as lab:
        async with lab.store.transaction() as one, lab.store.transaction() as two:
            await one.reserve_ticket_ids(400)
            await two.reserve_ticket_ids(400)
            taken = [transaction.next_ticket_id() for _ in range(300) for transaction in (one, two)]
        assert len(set(taken)) == 600
        async with lab.store.transaction() as three:
            await three.reserve_ticket_ids(400)
            later = [three.next_ticket_id() for _ in range(400)]
        assert not set(taken) & set(later)
        assert max(later) <= 1000
