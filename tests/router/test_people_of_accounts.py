"""What a platform calls its people is theirs: not another account's, and as it is written."""

from pathlib import Path
from typing import Final

import pytest
from chats import chat, in_group
from identity_lab import invited, start
from routing_lab import HOLDING, Lab, mail, open_lab

from schemas.placement import address_key
from ticket_store import migrate

MIGRATION = Path(migrate.__file__).parent / "migrations" / "0011_people_of_accounts.sql"
KEYS = {
    "ticket_participants": "select ticket_id, address_key, address, role from ticket_participants order by 1, 2",
    "tickets": "select id, requester_key, match_key from tickets order by 1",
    "messages": "select id, sender_key from messages order by 1",
    "conversations": "select digest, person_key from conversations order by 1",
    "identity_links": "select id, requester_key, person_key from identity_links order by 1",
    "contacts": "select account, address_key from contacts order by 1, 2",
}
FOLD = (
    (
        "create function folded(channel text, address text) returns bytea language sql as $$"
        " select sha256(convert_to(channel, 'UTF8') || '\\x00'::bytea || convert_to(lower(address), 'UTF8')) $$"
    ),
    (
        "update ticket_participants p set address_key = folded(m.channel, m.sender_address) from messages m"
        " where m.sender_key = p.address_key and m.channel <> 'mail'"
    ),
    "update tickets set match_key = 'x', requester_key = folded(channel, requester_address) where channel <> 'mail'",
    (
        "update conversations c set person_key = folded(m.channel, m.sender_address) from messages m"
        " where m.sender_key = c.person_key and m.conversation = c.digest"
    ),
    "update identity_links set person_key = folded(channel, address)",
    "update contacts set address_key = folded(channel, address)",
    "update messages set sender_key = folded(channel, sender_address) where channel <> 'mail'",
)
"""Writes the keys of before: channel and folded address."""


@pytest.mark.parametrize("channel", ["api", "telegram", "viber", "webchat"])
async def test_two_accounts_that_share_tickets_share_no_person(database: str, channel: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(
            chat("1", "42", channel=channel, account="one", room="a"),
            chat("2", "42", channel=channel, account="two", room="b", minutes=1),
        )
        keys = await lab.rows("select distinct sender_key from messages")
        assert len(keys) == 2
        assert await lab.threads() == {"1": ["1"], "2": ["2"]}


async def test_ids_that_differ_in_case_are_two_people(database: str) -> None:
    """Viber's ids are base64."""
    async with open_lab(database) as lab:
        await lab.route(chat("1", "aB=="), chat("2", "Ab==", room="aB==", minutes=1))
        assert await lab.threads() == {"1": ["1"]}, "the other one waits for a person"


def test_mail_is_one_mailbox_whatever_the_account_and_the_case() -> None:
    assert address_key("mail", "one", "Ana@A.example ") == address_key("mail", "two", "ana@a.example")


async def keys_of(lab: Lab) -> dict[str, list[dict[str, object]]]:
    return {table: await lab.rows(query) for table, query in KEYS.items()}


async def test_keys_of_before_become_those_of_now(database: str) -> None:
    async with open_lab(database) as lab:
        invitation = await invited(lab)
        await lab.route(start(invitation.payload), chat("2", minutes=2))
        await lab.route(chat("3", "Zoe", minutes=3), in_group("4", "Max", minutes=4), policies=HOLDING)
        await lab.route(chat("5", "Zoe", kind="membership", text="", membership="blocked", minutes=5))
        await lab.route(mail("another", "zoe@z.example", minutes=6))
        right = await keys_of(lab)
        for statement in FOLD:
            await lab.run(statement)
        assert await keys_of(lab) != right
        await lab.run(MIGRATION.read_text(encoding="utf-8"))
        assert await keys_of(lab) == right


TWO: Final = ("one", "two")
BRING: Final = (
    "insert into ticket_participants (ticket_id, address_key, address, role)"
    " select id, folded('api', '42'), '42', %s from tickets where account = 'one' and requester_address = 'other'"
)
MEMBERS: Final = (
    "select t.account, t.requester_address, p.address_key, p.role from ticket_participants p"
    " join tickets t on t.id = p.ticket_id where p.address = '42' order by 1, 2, 4"
)


async def two_accounts(lab: Lab, *more: str) -> None:
    """Give both accounts of a scope somebody who is called 42, and a store of before; `more` is run on it."""
    await lab.route(
        *(chat(name, "42", channel="api", account=name, room=name) for name in TWO),
        chat("3", "other", channel="api", account="one", room="3", minutes=1),
    )
    for statement in (*FOLD, *more):
        await lab.run(statement)
    await lab.run(MIGRATION.read_text(encoding="utf-8"))


async def members(lab: Lab, account: str, requester: str) -> list[tuple[str, str]]:
    """Give of which account the 42s are that take part in a ticket, and as what."""
    names = {address_key("api", name, "42"): name for name in TWO}
    rows = await lab.rows(MEMBERS)
    here = [row for row in rows if (row["account"], row["requester_address"]) == (account, requester)]
    return sorted((names.get(bytes(row["address_key"]), "of before"), row["role"]) for row in here)


@pytest.mark.parametrize("role", ["merged", "added", "internal"])
async def test_who_takes_part_without_a_word_is_of_the_tickets_own_account(database: str, role: str) -> None:
    async with open_lab(database) as lab:
        await two_accounts(lab, BRING.replace("%s", f"'{role}'"))
        assert await members(lab, "one", "other") == [("one", role)]
        assert await members(lab, "two", "42") == [("two", "requester")]


async def test_a_requester_whose_messages_were_moved_away_stays_alone(database: str) -> None:
    moved = (
        "update messages set ticket_id = (select id from tickets where requester_address = 'other')"
        " where account = 'one' and sender_address = '42'"
    )
    async with open_lab(database) as lab:
        await two_accounts(lab, moved)
        assert await members(lab, "one", "42") == [("one", "requester")]


async def test_who_came_with_a_merged_ticket_is_who_wrote_on_that_one(database: str) -> None:
    merged = (
        "update tickets set merged_into_id = (select id from tickets where requester_address = 'other')"
        " where account = 'two'"
    )
    async with open_lab(database) as lab:
        await two_accounts(lab, merged, BRING.replace("%s", "'merged'"))
        assert await members(lab, "one", "other") == [("two", "merged")]


async def test_a_stranger_who_wrote_on_a_ticket_is_not_its_requester(database: str) -> None:
    """So operators can let the stranger take part no more."""
    strayed = (
        "update messages set ticket_id = (select id from tickets where account = 'one' and requester_address = '42')"
        " where account = 'two'"
    )
    async with open_lab(database) as lab:
        await two_accounts(lab, strayed)
        assert await members(lab, "one", "42") == [("one", "requester"), ("two", "added")]


async def test_who_may_be_either_of_two_strangers_of_another_channel_takes_part_no_more(database: str) -> None:
    letters = (
        "insert into ticket_participants (ticket_id, address_key, address, role)"
        " select id, folded('api', '42'), '42', 'linked' from tickets where channel = 'mail'"
    )
    async with open_lab(database) as lab:
        await lab.route(mail("letter", "ana@a.example"))
        await two_accounts(lab, letters)
        assert [row["account"] for row in await lab.rows(MEMBERS)] == list(TWO), "both on their own tickets only"
