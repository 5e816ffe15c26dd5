"""What nobody needs any more is forgotten: paces of quiet conversations, addresses of old notices."""

from datetime import UTC, datetime, timedelta

from routing_lab import Lab, mail, open_lab

from ticket_store.housekeeping import forget_addresses, forget_paces
from ticket_store.parts import PostgresPaces

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NO_PAUSE = timedelta(0)


async def chats(lab: Lab) -> list[str]:
    return [row["chat"] for row in await lab.rows("select chat from send_paces order by chat")]


async def test_a_pace_that_holds_nobody_back_is_forgotten_and_the_next_turn_is_free(database: str) -> None:
    async with open_lab(database) as lab:
        paces = PostgresPaces(pool=lab.pool)
        every, late = (timedelta(seconds=1), timedelta(seconds=1)), NOW + HOUR
        await paces.take("bot", "old", every=every, now=NOW - 3 * HOUR, latest=late)
        await paces.take("bot", "new", every=(NO_PAUSE, timedelta(seconds=1)), now=NOW, latest=late)
        assert await forget_paces(lab.pool, before=NOW - HOUR) == 2
        assert await chats(lab) == ["new"]
        turn = await paces.take("bot", "old", every=every, now=NOW, latest=late)
        assert (turn.taken, turn.at) == (True, NOW)


async def test_a_conversation_that_was_told_to_wait_is_kept_until_then(database: str) -> None:
    async with open_lab(database) as lab:
        paces = PostgresPaces(pool=lab.pool)
        await paces.told_to_wait("bot", "told", until=NOW + HOUR, now=NOW - 3 * HOUR)
        assert await forget_paces(lab.pool, before=NOW) == 0
        assert await chats(lab) == ["told"]


async def noticed(lab: Lab, name: str, *, state: str, done: datetime | None) -> None:
    await lab.route(mail(name))
    await lab.run(
        "insert into notices (message_id, account, channel, reason, address, address_key, state, created_at, done_at)"
        " select id, 'support', 'mail', 'receipt', 'ana@customer.example', '\\x01', %s, %s, %s"
        " from messages order by id desc limit 1",
        [state, NOW, done],
    )


async def test_a_notice_settled_long_ago_does_not_say_any_more_whom_it_was_for(database: str) -> None:
    async with open_lab(database) as lab:
        await noticed(lab, "one", state="sent", done=NOW - 40 * 24 * HOUR)
        await noticed(lab, "two", state="suppressed", done=NOW - 40 * 24 * HOUR)
        await noticed(lab, "three", state="sent", done=NOW)
        await noticed(lab, "four", state="due", done=None)
        assert await forget_addresses(lab.pool, before=NOW - 30 * 24 * HOUR) == 2
        rows = await lab.rows("select address, address_key from notices order by id")
        assert [row["address"] for row in rows] == ["", "", "ana@customer.example", "ana@customer.example"]
        assert [bytes(row["address_key"]) for row in rows[:2]] == [b"", b""]
        assert await forget_addresses(lab.pool, before=NOW - 30 * 24 * HOUR) == 0
