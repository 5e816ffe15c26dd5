"""Attacks on the store: floods that one mail must not set free, and races that must lose nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from answering_lab import tending
from routing_lab import ANYONE, HOLDING, START, Lab, mail, open_lab

from router.batch import Part, Routable
from router.desk import Desk
from router.incoming import receive
from router.reading import ClaimsGrownError, Wanted, read_view
from schemas.message import InboundMessage
from schemas.placement import Fault
from schemas.routing_rows import LogPosition

FLOOD = 10_000
MOST = 1000
ANSWERS = 200
"""What `reached_held` says: held messages that one transaction looks at, and answers to one id among them."""

CLONE = (
    """insert into messages (id, state, kind, channel, account, scope, delivery_key, fingerprint, own_digest,
                             sender_key, sender_address, subject, body_text, received_at, normalizer_version,
                             raw_sha256, raw_size, details, decision)
       select 1000000 + n, state, kind, channel, account, scope, sha256(n::text::bytea), null, sha256(n::text::bytea),
              sender_key, sender_address, subject, body_text, received_at, normalizer_version, raw_sha256, raw_size,
              details, decision
       from messages, generate_series(1, %(count)s) n""",
    "insert into spool select id, 'unmatched_reply', '', '[]', now() from messages where id > 1000000",
)
STAR = """insert into held_ids select scope, digest, 1000000 + n from held_ids, generate_series(1, %(count)s) n
          where message_id < 1000000"""
CHAIN = """insert into held_ids select scope, sha256((n - 1)::text::bytea), 1000000 + n
           from held_ids, generate_series(1, %(count)s) n where message_id < 1000000"""
MESH = """insert into held_ids select scope, sha256(((n + k) %% %(count)s + 1)::text::bytea), 1000000 + n
          from held_ids, generate_series(1, %(count)s) n, generate_series(1, 10) k where message_id < 1000000"""


async def flooded(lab: Lab, *shapes: str) -> None:
    """Hold one answer to "root", and as many like it as nobody would write by hand."""
    await lab.route(mail("flood", "eve@e.example", answers="root"))
    async with lab.pool.connection() as connection:
        for statement in (*CLONE, *shapes):
            await connection.execute(statement, {"count": FLOOD})
    await lab.run("analyze")


async def patiently(lab: Lab, *batch: InboundMessage) -> None:
    part = Part(log=LogPosition("r", "t", "l"), moves=(), messages=[Routable(message=message) for message in batch])
    for _ in range(9):
        try:
            await lab.router(HOLDING).route(part)
        except Exception as error:
            if lab.store.fault_of(error)[0] is not Fault.AGAIN:
                raise
        else:
            return
    pytest.fail("a batch deadlocked nine times in a row")


def desk_of(lab: Lab) -> Desk:
    return Desk(store=lab.store, policies=HOLDING, source="/switchboard/lab", clock=lambda: START)


async def number_of(lab: Lab, name: str) -> str:
    query = "select number from tickets t join messages m on m.ticket_id = t.id where body_text = %s"
    number: str = (await lab.rows(query, [f"text of {name}"]))[0]["number"]
    return number


async def message_id(lab: Lab, name: str) -> int:
    found: int = (await lab.rows("select id from messages where body_text = %s", [f"text of {name}"]))[0]["id"]
    return found


@pytest.mark.parametrize("shapes", [(STAR,), (STAR, CHAIN), (STAR, MESH)], ids=["star", "chain", "mesh"])
async def test_a_flood_of_held_answers_neither_stops_the_router_nor_is_lost(
    database: str, shapes: tuple[str, ...]
) -> None:
    async with open_lab(database) as lab:
        await flooded(lab, *shapes)
        async with asyncio.timeout(10):
            await lab.route(mail("root", "eve@e.example", minutes=-1), mail("other"))
        released = (await lab.rows("select message_count as n from tickets order by 1 desc"))[0]["n"] - 1
        assert ANSWERS <= released <= MOST
        assert (await lab.rows("select count(*) as n from spool"))[0]["n"] == FLOOD + 1 - released


async def test_a_flood_is_looked_at_once_and_not_for_every_mail_with_its_id(database: str) -> None:
    async with open_lab(database) as lab:
        await flooded(lab, STAR)
        async with lab.store.transaction() as transaction:
            first = receive(mail("root", "ana@a.example"), message_id=1, policies=HOLDING)
            with pytest.raises(ClaimsGrownError):
                await read_view(transaction, [first], HOLDING, Wanted())
        await lab.route(mail("root", "ana@a.example"))
        async with lab.store.transaction() as transaction:
            again = receive(mail("root", "bob@b.example"), message_id=2, policies=HOLDING)
            assert not (await read_view(transaction, [again], HOLDING, Wanted())).waiting


async def raced(turns: int, race: Callable[[int, str], list[Awaitable[object]]]) -> None:
    """Run races one after the other, each between calls that begin together, in turning order."""
    for turn in range(turns):
        runners = race(turn, f"s{turn}@x.example")
        await asyncio.gather(*(runners if turn % 2 else runners[::-1]))


async def test_an_original_and_its_answer_at_the_same_time_always_meet(database: str) -> None:
    def race(turn: int, sender: str) -> list[Awaitable[object]]:
        return [
            patiently(lab, mail(f"one{turn}", sender)),
            patiently(lab, mail(f"two{turn}", sender, answers=f"one{turn}", minutes=1)),
            patiently(lab, mail(f"three{turn}", sender, answers=f"two{turn}", minutes=2)),
        ]

    async with open_lab(database) as lab:
        await raced(60, race)
        assert await lab.held() == {}
        assert sorted(len(names) for names in (await lab.threads()).values()) == [3] * 60


async def test_two_mails_of_one_sender_and_subject_at_the_same_time_share_a_ticket(database: str) -> None:
    def race(turn: int, sender: str) -> list[Awaitable[object]]:
        return [lab.route(mail(f"{name}{turn}", sender), policies=ANYONE) for name in ("one", "two")]

    async with open_lab(database) as lab:
        await raced(30, race)
        assert sorted(len(names) for names in (await lab.threads()).values()) == [2] * 30


async def test_a_desk_and_a_router_that_free_the_same_answers_do_it_once(database: str) -> None:
    def race(turn: int, sender: str) -> list[Awaitable[object]]:
        return [desk_of(lab).open(ids[turn]), patiently(lab, mail(f"one{turn}", sender, minutes=-1))]

    async with open_lab(database) as lab:
        ids = {}
        for turn in range(30):
            sender = f"s{turn}@x.example"
            await patiently(lab, mail(f"two{turn}", sender, answers=f"one{turn}"))
            await patiently(lab, mail(f"three{turn}", sender, answers=f"two{turn}", minutes=1))
            ids[turn] = await message_id(lab, f"two{turn}")
        for turn in range(30):
            results = await asyncio.gather(*race(turn, f"s{turn}@x.example"), return_exceptions=True)
            assert all(not isinstance(r, BaseException) or "is not held" in str(r) for r in results)
        assert await lab.held() == {}
        counted = await lab.rows("select sum(message_count) as n from tickets")
        assert counted[0]["n"] == len(await lab.rows("select id from messages where state = 'ticketed'")) == 90
        doubled = "select 1 from outbox group by ticket_id having max(sequence) <> count(*)"
        assert await lab.rows(doubled) == []


async def test_closing_and_answering_at_the_same_time_leave_every_event_in_order(database: str) -> None:
    async def flip(number: str, turn: int) -> None:
        desk = tending(lab, START + timedelta(minutes=turn))
        await (desk.close(number) if turn % 2 else desk.reopen(number))

    async with open_lab(database) as lab:
        await lab.route(mail("one"))
        number = await number_of(lab, "one")
        for turn in range(20):
            answers = [patiently(lab, mail(f"a{turn}{k}", answers="one", minutes=turn)) for k in range(2)]
            await asyncio.gather(*answers, flip(number, turn), return_exceptions=True)
        assert len((await lab.threads())["one"]) == 41
        gaps = await lab.rows("select count(*) = max(sequence) as dense from outbox")
        assert gaps == [{"dense": True}]
        assert await lab.rows("select (status = 'closed') = (closed_at is not null) as agree from tickets") == [
            {"agree": True}
        ]
