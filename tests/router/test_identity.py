"""Who somebody is on another channel: by a proof that we gave out, and by nothing else; and back again."""

from datetime import timedelta
from typing import Any

import pytest
from answering_lab import answers
from chats import chat, in_group
from identity_lab import invited, linking, number, start, why
from routing_lab import HOLDING, mail, open_lab

from router.policy import Policies, Staff
from router.tending import NotTendedError
from schemas.message import Text
from schemas.proofs import code_in


@pytest.mark.parametrize("by_code", [True, False])
async def test_a_true_proof_links_the_chat_to_the_ticket(database: str, *, by_code: bool) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        proof = invitation.code.lower() if by_code else invitation.payload
        await lab.route(start(proof), chat("2", minutes=2))
        assert await lab.threads() == {"mail": ["mail", "/start", "2"]}
        people = await lab.rows("select address, role from ticket_participants order by role")
        assert [(row["address"], row["role"]) for row in people] == [("ana", "linked"), ("ana@a.example", "requester")]
        links = await lab.rows("select channel, address, made_by from identity_links")
        assert links == [{"channel": "telegram", "address": "ana", "made_by": "rui"}]


async def test_neither_record_nor_row_keeps_a_proof_as_it_was_written(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        await lab.route(start(invitation.payload), start(invitation.code, minutes=2))
        for secret in (invitation.payload, invitation.code):
            for everything in (
                "select 1 from messages t where t::text like %s",
                "select 1 from identity_proofs t where t::text like %s",
                "select 1 from identity_links t where t::text like %s",
                "select 1 from outbox t where t::text like %s",
            ):
                assert await lab.rows(everything, [f"%{secret}%"]) == []
        assert invitation.payload not in repr(invitation)


async def test_a_chat_that_had_a_ticket_goes_on_on_the_proven_one(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("mail"))
        await lab.route(chat("1"))
        invitation = await linking(lab).invite(
            await number(lab), channel="telegram", lasts=timedelta(hours=1), by="rui"
        )
        await lab.route(start(invitation.payload), chat("2", minutes=2))
        assert await lab.threads() == {"mail": ["mail", "/start", "2"], "1": ["1"]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"minutes": 25 * 60}, "expired"),
        ({"channel": "viber"}, "made for telegram"),
        ({"scope": "elsewhere"}, "nobody here gave it out"),
        ({"verdict": "none"}, "nothing proves who brought it"),
        ({"room": "team", "group": True}, "chat of one person"),
    ],
    ids=["expired", "other channel", "other scope", "unproven", "group"],
)
async def test_a_proof_that_is_not_for_here_and_now_changes_nothing(
    database: str, change: dict[str, Any], said: str
) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        await lab.route(start(invitation.payload, **change))
        assert await lab.threads() == {"mail": ["mail"]}
        assert said in await why(lab)
        assert await lab.rows("select 1 from identity_links") == []


async def test_a_proof_is_used_once_and_its_twin_with_it(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        await lab.route(start(invitation.payload), start(invitation.code, sender="eve", minutes=2))
        assert "used before" in await why(lab)
        await lab.route(start(invitation.payload, sender="eve", minutes=3))
        assert "used before" in await why(lab)
        assert len(await lab.rows("select 1 from identity_links")) == 1


@pytest.mark.parametrize("altered", [0, 5, 20, 40])
async def test_an_altered_payload_is_refused_without_asking_the_store(database: str, altered: int) -> None:
    async with open_lab(database) as lab:
        payload = (await invited(lab)).payload
        letter = "A" if payload[altered] != "A" else "B"
        await lab.route(start(payload[:altered] + letter + payload[altered + 1 :]))
        assert "nobody here gave it out" in await why(lab)


async def test_whoever_guesses_is_not_heard_for_an_hour(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        wrong = [code for n in range(400) if (code := code_in(f"AAAA-BB{n // 20 + 22}-{_two(n)}"))][:5]
        assert len(wrong) == 5
        await lab.route(*(start(code, minutes=n) for n, code in enumerate(wrong, start=1)))
        await lab.route(start(invitation.code, minutes=10))
        assert "too many wrong ones" in await why(lab)
        await lab.route(start(invitation.code, sender="bob", minutes=11))
        assert "proved to be the requester" in await why(lab), "another chat did not guess"
        rows = await lab.rows("select max(wrong_proofs) as n from conversations")
        assert rows == [{"n": 6}]


def _two(n: int) -> str:
    letters = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
    return letters[n % 20] + letters[(n * 7) % 31]


async def test_another_persons_chat_does_not_become_somebody_elses(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        await lab.route(chat("1"))
        await lab.route(start(invitation.payload, sender="eve", room="ana"))
        assert "chat of one person" in await why(lab)


async def test_a_payload_of_a_campaign_is_no_guess_and_opens_nothing(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(start("spring-sale"))
        assert await lab.threads() == {}
        assert await lab.rows("select 1 from conversations where wrong_proofs > 0") == []


async def test_equal_addresses_on_two_channels_are_two_people(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("mail", "ana@a.example", verdict="pass"))
        await lab.route(chat("1", "ana@a.example", channel="api"))
        assert await lab.threads() == {"mail": ["mail"], "1": ["1"]}


async def test_a_link_is_undone_and_the_next_message_is_a_ticket_of_its_own(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        await lab.route(start(invitation.payload))
        undone = await linking(lab).unlink(await number(lab), by="rui")
        assert undone.people == (("telegram", "ana"),)
        await lab.route(chat("2", minutes=2))
        assert await lab.threads() == {"mail": ["mail", "/start"], "2": ["2"]}
        people = await lab.rows("select role from ticket_participants where address = 'ana' order by role")
        assert people == [{"role": "requester"}]
        with pytest.raises(NotTendedError):
            await linking(lab).unlink(await number(lab), by="rui")


async def test_two_routers_take_one_proof_once(database: str) -> None:
    import asyncio  # noqa: PLC0415 - for this test alone

    async with open_lab(database) as lab:
        invitation = await invited(lab)
        people = [start(invitation.payload, sender=f"p{n}") for n in range(6)]
        await asyncio.gather(*(lab.route(one) for one in people))
        assert len(await lab.rows("select 1 from identity_links")) == 1


async def test_a_group_is_nobodys(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(in_group("1", "ana"), policies=HOLDING)
        assert await lab.rows("select person_key from conversations") == [{"person_key": None}]


async def test_an_answer_goes_where_the_requester_last_wrote(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        await lab.route(start(invitation.payload))
        await answers(lab).reply(await number(lab), Text(content="into the chat"), by="rui")
        rows = await lab.rows("select channel, account, chat, recipients -> 0 ->> 'address' as address from sends")
        assert rows == [{"channel": "telegram", "account": "bot", "chat": "ana", "address": "ana"}]
        await lab.route(mail("by mail again", answers="mail", minutes=90))
        await answers(lab).reply(await number(lab), Text(content="by mail"), by="rui")
        await lab.route(chat("back in the chat", minutes=180))
        await linking(lab).unlink(await number(lab), by="rui")
        await answers(lab).reply(await number(lab), Text(content="by mail, for the link is gone"), by="rui")
        rows = await lab.rows("select channel from sends order by message_id")
        assert [row["channel"] for row in rows] == ["telegram", "mail", "mail"]


async def test_an_agents_mail_goes_to_no_address_of_another_channel(database: str) -> None:
    """A visitor's id may look like anybody's mail address."""
    staff = Policies(own_addresses=HOLDING.own_addresses, staff=Staff(addresses=frozenset({"rui@work.example"})))
    async with open_lab(database) as lab:
        invitation = await invited(lab, channel="webchat")
        await lab.route(start(invitation.payload, sender="bob@other.example", channel="webchat"))
        await answers(lab).reply(await number(lab), Text(content="hello"), by="rui", cc=["x@x.example"])
        token = await lab.rows("select details #>> '{thread,own,shown}' as own from messages where direction = 'out'")
        written = [("in_reply_to", str(token[0]["own"])[3:43])]
        reply = mail("agents", "rui@work.example", tokens=written, verdict="pass", prefix="reply", minutes=120)
        await lab.route(reply, policies=staff)
        rows = await lab.rows("select recipients from sends order by message_id")
        named = {recipient["address"] for row in rows for recipient in row["recipients"]}
        assert named == {"ana@a.example", "x@x.example"}
        assert len(rows) == 2
