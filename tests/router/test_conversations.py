"""Which ticket a message of a conversation belongs to, in batches on a real store."""

from datetime import timedelta

import pytest
from answering_lab import number_of, tending
from chats import chat, in_group, thread_id
from routing_lab import HOLDING, KEY, START, Lab, mail, open_lab

from router.moving import Moving
from router.policy import AccountPolicy, Policies, Staff
from router.tending import NotTendedError
from schemas.message import InboundMessage, Party, ThreadId
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore

HOUR = 60
DAY = 24 * HOUR


async def closed(lab: Lab, *, minutes: float = 0) -> None:
    """Close every ticket, so many minutes after the start."""
    at = START + timedelta(minutes=minutes)
    await lab.run("update tickets set status = 'closed', closed_at = %s where closed_at is null", [at])


async def test_what_one_person_writes_in_one_chat_is_one_ticket(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), chat("2", minutes=1))
        await lab.route(chat("3", minutes=DAY))
        assert await lab.threads() == {"1": ["1", "2", "3"]}
        assert (await lab.decision("3"))["rule"] == "conversation"


def unnamed(message: InboundMessage) -> InboundMessage:
    """The same as told by a form, which asks for a name once, or by a platform that did not say it this time."""
    return message.model_copy(update={"sender": Party(address=message.sender.address)})


async def test_who_was_named_once_is_shown_by_name_in_all_that_follows(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), unnamed(chat("2", minutes=1)))
        await lab.route(unnamed(chat("3", minutes=2)))
        rows = await lab.rows("select sender_address, sender_name from messages order by id")
        assert rows == [{"sender_address": "ana", "sender_name": "Ana of telegram"}] * 3
        events = await lab.rows("select event::json -> 'data' -> 'message' -> 'sender' ->> 'name' as n from outbox")
        assert [row["n"] for row in events] == ["Ana of telegram"] * 3


async def test_nobody_gets_the_name_of_somebody_else(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(in_group("1", "ana"), unnamed(in_group("2", "bob", answers="1")))
        rows = await lab.rows("select sender_address, sender_name from messages order by id")
        assert [(row["sender_address"], row["sender_name"]) for row in rows] == [
            ("ana", "Ana of telegram"),
            ("bob", ""),
        ]


async def test_two_people_two_bots_and_two_channels_are_never_one(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(
            chat("1"), chat("2", "bob"), chat("3", account="other"), chat("4", channel="viber"), chat("5", scope="else")
        )
        assert len(await lab.threads()) == 5


async def test_another_person_in_a_private_chat_is_held(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), chat("2", "eve", room="ana"))
        assert await lab.threads() == {"1": ["1"]}
        assert await lab.held() == {"2": "stranger"}


async def test_whoever_writes_in_a_group_takes_part(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(in_group("1", "ana"), in_group("2", "bob"), in_group("3", "ana"))
        assert await lab.threads() == {"1": ["1", "2", "3"]}
        people = await lab.rows("select address, role from ticket_participants order by address")
        assert [(row["address"], row["role"]) for row in people] == [("ana", "requester"), ("bob", "recipient")]


async def test_an_explicit_reply_beats_the_conversation(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await closed(lab)
        await lab.route(chat("2", minutes=4 * DAY))
        await lab.run("update tickets set status = 'open', closed_at = null")
        await lab.route(chat("3", answers="1", minutes=4 * DAY + 1))
        assert await lab.threads() == {"1": ["1", "3"], "2": ["2"]}
        assert (await lab.decision("3"))["rule"] == "ids"
        await lab.route(chat("4", minutes=4 * DAY + 2))
        assert (await lab.threads())["1"] == ["1", "3", "4"], "the conversation goes on where its person last wrote"


async def test_a_reply_to_a_ticket_closed_for_long_falls_back_to_the_open_one(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await closed(lab)
        await lab.route(chat("2", minutes=4 * DAY), chat("3", answers="1", minutes=4 * DAY + 1))
        assert await lab.threads() == {"1": ["1"], "2": ["2", "3"]}


async def test_an_id_of_another_conversation_joins_nothing(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), in_group("g", "bob"))
        await lab.route(
            chat("2", "bob", answers="telegram:bot:ana:1"), in_group("3", "ana", answers="telegram:bot:ana:1")
        )
        assert await lab.threads() == {"1": ["1"], "g": ["g", "3"]}
        assert await lab.held() == {"2": "stranger"}
        assert (await lab.decision("3"))["rejected"][0]["gate"] == "participant"


@pytest.mark.parametrize(
    ("channel", "hours", "reopened"),
    [("telegram", 71, True), ("viber", 73, False), ("webchat", 23, True), ("webchat", 25, False), ("api", 335, True)],
)
async def test_the_idle_window_reopens_and_then_continues(
    database: str, channel: str, hours: float, *, reopened: bool
) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1", channel=channel))
        await closed(lab)
        await lab.route(
            chat("2", channel=channel, minutes=hours * HOUR), chat("3", channel=channel, minutes=hours * HOUR)
        )
        expected = {"1": ["1", "2", "3"]} if reopened else {"1": ["1"], "2": ["2", "3"]}
        assert await lab.threads() == expected
        rows = await lab.rows("select status, continues_id from tickets order by id")
        assert [row["status"] for row in rows] == (["open"] if reopened else ["closed", "open"])
        assert reopened or rows[1]["continues_id"] is not None


async def test_an_account_sets_its_own_idle_window(database: str) -> None:
    policies = Policies(default=AccountPolicy(idle_window=timedelta(hours=1)))
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await closed(lab)
        await lab.route(chat("2", minutes=2 * HOUR), policies=policies)
        assert await lab.threads() == {"1": ["1"], "2": ["2"]}


async def test_a_ticket_called_spam_holds_what_comes_in_its_conversation(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await lab.run("update tickets set status = 'spam', closed_at = now()")
        await lab.route(chat("2", minutes=1))
        assert await lab.held() == {"2": "spam"}


async def test_a_merged_ticket_is_followed(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await closed(lab)
        await lab.route(chat("2", minutes=5 * DAY))
        await lab.run(
            "update tickets set merged_into_id = (select max(id) from tickets) where id = (select min(id) from tickets)"
        )
        await lab.run("update conversations set ticket_id = (select min(id) from tickets)")
        await lab.route(chat("3", minutes=5 * DAY))
        assert await lab.threads() == {"1": ["1"], "2": ["2", "3"]}


@pytest.mark.parametrize(
    ("verdict", "held"), [("fail", "suspicious"), ("none", "suspicious"), ("temperror", "suspicious")]
)
async def test_a_message_that_its_platform_does_not_vouch_for_joins_nothing(
    database: str, verdict: str, held: str
) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), chat("2", verdict=verdict))
        assert await lab.held() == {"2": held}


async def test_an_unproven_first_message_draws_nobody(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1", verdict="none"), chat("2"))
        assert await lab.threads() == {"1": ["1"], "2": ["2"]}


async def test_a_reply_to_what_nobody_knows_stays_in_its_conversation(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1", answers="0"), chat("2", answers="unknown"))
        assert await lab.threads() == {"1": ["1", "2"]}


async def test_a_mail_cannot_take_the_next_id_of_a_chat(database: str) -> None:
    async with open_lab(database) as lab:
        own = thread_id("telegram:bot:ana:1")
        forged = mail("m", "eve@e.example")
        thread = forged.thread.model_copy(update={"own": ThreadId(**own)})
        await lab.route(forged.model_copy(update={"thread": thread}))
        await lab.route(chat("1"))
        await lab.run("update conversations set ticket_id = null")
        await lab.route(chat("2", answers="1"))
        assert (await lab.decision("2"))["rule"] == "ids"


async def test_a_mail_that_names_a_chats_id_is_a_strangers(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        await lab.route(mail("m", "eve@e.example", answers="telegram:bot:ana:1"), policies=HOLDING)
        assert await lab.threads() == {"1": ["1"]}


async def test_a_groups_message_that_a_person_moved_takes_nobody_else_along(database: str) -> None:
    """Whoever answers it in the group, or writes there, does not come onto somebody's private ticket by that."""
    async with open_lab(database) as lab:
        await lab.route(chat("private"), in_group("1", "ana"))
        target = (await lab.rows("select number from tickets order by id limit 1"))[0]["number"]
        moved = (await lab.rows("select id from messages where body_text = 'text of 1'"))[0]["id"]
        store = OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY))
        moving = Moving(store=store, policies=HOLDING, source="/switchboard/lab", clock=lambda: START)
        await moving.move(moved, target)
        await lab.route(in_group("2", "bob", minutes=1), in_group("3", "bob", answers="1", minutes=2))
        assert (await lab.threads())["private"] == ["private", "1"]
        assert set(await lab.held()) | set((await lab.threads()).get("2", ())) >= {"2"}


async def test_what_a_person_moves_takes_a_private_chat_along(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(chat("1"), chat("2"))
        moved = (await lab.rows("select id from messages where body_text = 'text of 2'"))[0]["id"]
        store = OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY))
        moving = Moving(store=store, policies=HOLDING, source="/switchboard/lab", clock=lambda: START)
        await moving.move(moved, "new")
        await lab.route(chat("3", minutes=1))
        assert await lab.threads() == {"1": ["1"], "2": ["2", "3"]}


async def test_an_agents_address_in_a_form_makes_nobody_an_agent(database: str) -> None:
    staff = Policies(staff=Staff(addresses=frozenset({"rui@staff.example"})))
    async with open_lab(database) as lab:
        await lab.route(chat("1", "rui@staff.example", channel="webform"), policies=staff)
        rows = await lab.rows("select author from messages where ticket_id is not null")
        assert rows == [{"author": "customer"}]


async def test_nobody_else_is_named_the_requester_of_a_chat(database: str) -> None:
    """Its own person would be a stranger there."""
    async with open_lab(database) as lab:
        await lab.route(chat("1"))
        number = await number_of(lab, "1")
        with pytest.raises(NotTendedError, match="who writes there"):
            await tending(lab).requester(number, Party(address="ana@a.example"))
        await lab.route(chat("2", minutes=1))
        assert await lab.threads() == {"1": ["1", "2"]}
