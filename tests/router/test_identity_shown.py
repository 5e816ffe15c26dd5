"""Proofs that others saw, that came without a message, and links that are undone after a merge."""

from datetime import timedelta
from typing import Any

import pytest
from answering_lab import tending
from chats import chat, in_group
from identity_lab import invited, linking, number, start, why
from routing_lab import HOLDING, Lab, mail, open_lab

from schemas.proofs import code_of


async def kept(lab: Lab, secret: str) -> bool:
    """Whether anything that people or systems read holds it."""
    tables = ("messages", "earlier_texts", "identity_proofs", "identity_links", "outbox", "sends")
    found = [await lab.rows(f"select 1 from {table} t where t::text like %s", [f"%{secret}%"]) for table in tables]  # noqa: S608 - names from above
    return any(found)


@pytest.mark.parametrize("room", ["team", "ana"])
@pytest.mark.parametrize("by_code", [True, False])
async def test_a_proof_that_others_saw_is_spent_and_links_nobody(database: str, room: str, *, by_code: bool) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        shown, other = (invitation.code, invitation.payload) if by_code else (invitation.payload, invitation.code)
        if room == "team":
            await lab.route(start(shown, room=room, group=True), policies=HOLDING)
        else:
            await lab.route(chat("1"), start(shown, sender="eve", room=room))
        await lab.route(start(shown, sender="bob", minutes=2))
        assert "used before" in await why(lab)
        await lab.route(start(other, sender="bob", minutes=3))
        assert "used before" in await why(lab), "its twin is spent with it"
        assert await lab.rows("select 1 from identity_links") == []
        room_of = (
            "select max(wrong_proofs) as n from conversations c join identity_proofs p on p.conversation = c.digest"
        )
        assert await lab.rows(room_of) == [{"n": 0}], "who shows a true one does not guess"


@pytest.mark.parametrize(
    "text",
    [
        "look: {payload}",
        "https://t.me/bot?start={payload}&x=1",
        "/start@bot {payload}",
        "{payload}\n{payload}",
        "my code is {code}, thanks",
        "код:{code}.",
        "({code}) and once more {code}",
        "{code}\nand a link {payload}",
    ],
)
@pytest.mark.parametrize("group", [True, False])
async def test_a_proof_in_the_middle_of_words_stands_in_no_text(database: str, text: str, *, group: bool) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        said = text.format(payload=invitation.payload, code=invitation.code)
        message = in_group("1", "ana", text=said) if group else chat("1", text=said)
        await lab.route(message, policies=HOLDING)
        assert not await kept(lab, invitation.payload)
        assert not await kept(lab, invitation.code)
        used = await lab.rows("select count(*) as n from identity_proofs where used_at is not null")
        assert used == [{"n": 2}]
        assert len(await lab.rows("select 1 from identity_links")) == (0 if group else 1)


async def test_words_that_only_look_like_a_proof_stay_as_they_are(database: str) -> None:
    async with open_lab(database) as lab:
        said = f"look: i{'A' * 40}"
        await lab.route(chat("1", text=said))
        assert await lab.rows("select body_text from messages") == [{"body_text": said}]
        assert await lab.rows("select 1 from conversations where wrong_proofs > 0") == []


async def test_a_typed_code_is_masked_however_it_is_written_and_the_words_around_it_stay(database: str) -> None:
    async with open_lab(database) as lab:
        code = (await invited(lab)).code
        written = code.lower().replace("-", "\u2013")
        await lab.route(chat("1", text=f"hello, {written} it is"))
        assert await lab.rows("select body_text from messages where channel = 'telegram'") == [
            {"body_text": "hello, [proof] it is"}
        ]
        assert len(await lab.rows("select 1 from identity_links")) == 1


async def test_numbers_that_only_look_like_a_code_stay_and_are_no_guess(database: str) -> None:
    async with open_lab(database) as lab:
        code = (await invited(lab)).code
        slip = code[:-1] + ("2" if code[-1] != "2" else "3")
        said = f"serial {slip}, part A{code}, part {code}-77, order 2026-11"
        await lab.route(chat("1", text=said))
        assert await lab.rows("select body_text from messages where channel = 'telegram'") == [{"body_text": said}]
        assert await lab.rows("select 1 from conversations where wrong_proofs > 0") == []


async def test_many_codes_in_one_message_are_masked_and_few_are_looked_at(database: str) -> None:
    async with open_lab(database) as lab:
        right = (await invited(lab)).code
        guesses = [code_of([number % 31, *[number // 31] * 8]) for number in range(40)]
        await lab.route(chat("1", text=" ".join([*guesses, right])))
        assert await lab.rows("select body_text from messages where channel = 'telegram'") == [
            {"body_text": " ".join(["[proof]"] * 41)}
        ]
        assert await lab.rows("select 1 from identity_links") == []
        assert await lab.rows("select max(wrong_proofs) as n from conversations") == [{"n": 1}]


async def test_an_edit_that_shows_a_proof_keeps_it_nowhere(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        edit = in_group("1", "ana", kind="edit", answers="1", text=f"oh: {invitation.payload}", edit=True)
        await lab.route(in_group("1", "ana"), edit, policies=HOLDING)
        assert not await kept(lab, invitation.payload)
        used = await lab.rows("select count(*) as n from identity_proofs where used_at is not null")
        assert used == [{"n": 2}]


@pytest.mark.parametrize(
    ("channel", "kind", "details"),
    [
        ("viber", "event", {"event": "conversation_started"}),
        ("vk", "membership", {"membership": "allowed"}),
        ("telegram", "membership", {"membership": "subscribed"}),
    ],
)
async def test_a_proof_that_comes_without_a_message_links(
    database: str, channel: str, kind: str, details: dict[str, Any]
) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab, channel=channel)
        opening = chat("s", kind=kind, channel=channel, text="", minutes=1, proof=invitation.payload, **details)
        await lab.route(opening, chat("2", channel=channel, minutes=2))
        assert await lab.threads() == {"mail": ["mail", "2"]}
        assert len(await lab.rows("select 1 from identity_links")) == 1
        assert await lab.rows("select 1 from conversations where wrong_proofs > 0") == []
        people = await lab.rows("select role from ticket_participants order by role")
        assert [row["role"] for row in people] == ["linked", "requester"]


async def test_a_wrong_proof_without_a_message_is_noted_and_counted(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab, channel="viber")
        wrong = invitation.payload[:-1] + ("A" if invitation.payload[-1] != "A" else "B")
        await lab.route(chat("s", kind="event", channel="viber", text="", proof=wrong, event="conversation_started"))
        assert "proves nothing" in await why(lab)
        assert await lab.rows("select max(wrong_proofs) as n from conversations") == [{"n": 1}]
        await lab.route(chat("t", kind="event", channel="viber", text="", proof="spring", event="conversation_started"))
        assert await lab.rows("select max(wrong_proofs) as n from conversations") == [{"n": 1}]


async def test_a_denial_links_nobody(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab, channel="vk")
        await lab.route(
            chat("s", kind="membership", channel="vk", text="", proof=invitation.payload, membership="denied")
        )
        assert await lab.rows("select 1 from identity_links") == []


async def merged(lab: Lab) -> tuple[str, str]:
    """Link a chat to a ticket, and let that one go on as another; give both numbers."""
    invitation = await invited(lab)
    await lab.route(start(invitation.payload), mail("other", minutes=2))
    old, new = [str(row["number"]) for row in await lab.rows("select number from tickets order by id")]
    await tending(lab).merge(old, new)
    return old, new


@pytest.mark.parametrize("by", [0, 1])
@pytest.mark.parametrize("wrote", [True, False])
async def test_a_link_is_undone_on_the_ticket_on_which_it_went_on(database: str, by: int, *, wrote: bool) -> None:
    async with open_lab(database) as lab:
        numbers = await merged(lab)
        if wrote:
            await lab.route(chat("2", minutes=3))
        undone = await linking(lab).unlink(numbers[by], by="rui")
        assert undone.people == (("telegram", "ana"),)
        assert await lab.rows("select 1 from ticket_participants where address = 'ana'") == []
        await lab.route(chat("3", minutes=4))
        assert (await lab.threads())["3"] == ["3"]


async def test_who_takes_part_by_another_merge_stays_when_one_link_is_undone(database: str) -> None:
    async with open_lab(database) as lab:
        old, new = await merged(lab)
        await lab.route(mail("third", minutes=5))
        third = str((await lab.rows("select number from tickets order by id desc limit 1"))[0]["number"])
        again = await linking(lab).invite(third, channel="telegram", lasts=timedelta(hours=1), by="rui")
        await lab.route(start(again.payload, minutes=6))
        await tending(lab).merge(third, new)
        await linking(lab).unlink(old, by="rui")
        rows = await lab.rows(
            "select role from ticket_participants p join tickets t on t.id = p.ticket_id"
            " where address = 'ana' and t.number = %s",
            [new],
        )
        assert rows == [{"role": "merged"}]


async def test_a_merge_that_is_undone_after_a_link_was_brings_nobody_back(database: str) -> None:
    async with open_lab(database) as lab:
        old, _ = await merged(lab)
        await linking(lab).unlink(old, by="rui")
        await tending(lab).reopen(old)
        assert await lab.rows("select 1 from ticket_participants where address = 'ana'") == []
        assert await number(lab) == old
