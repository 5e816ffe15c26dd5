"""A process that lost its turn keeps nothing of an account any more: no cursor, no state, no metric."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest
from intake_door import Bench, api, clock, message
from prometheus_client import generate_latest

from connectors.base import Delivery, LaterError, PollDesk
from daemon import polling
from daemon.polling import AccountPollDesk, Pollers
from ticket_store.channel_states import read_states
from ticket_store.cursors import TurnLostError, Turns
from ticket_store.pool import Pool, make_pool


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with make_pool(database, name="test", max_size=8) as opened:
        yield opened


async def turn(database: str, pool: Pool, *, take: bool = True) -> Turns:
    made = Turns(conninfo=database, pool=pool, holder=uuid4())
    await made.open()
    assert not take or await made.take("shop")
    return made


async def states_of(pool: Pool) -> list[tuple[str, str]]:
    return [(state.state, state.problem) for state in await read_states(pool)]


async def test_a_state_is_not_written_over_that_of_the_process_whose_turn_it_is(database: str, pool: Pool) -> None:
    """C43."""
    zombie, heir = Bench(connectors={"shop": api("shop")}), Bench(connectors={"shop": api("shop")})
    account = zombie.intakes["shop"].account
    old = await turn(database, pool)
    zombie.states.claim(account, old.holder)
    zombie.states.serve(account, "polling")
    await zombie.states.write(pool)
    await old.close()
    new = await turn(database, pool)
    heir.states.claim(account, new.holder)
    heir.states.trouble(account, "the platform is away")
    await heir.states.write(pool)
    zombie.states.trouble(account, "my line is cut")
    await zombie.states.write(pool)
    assert await states_of(pool) == [("trouble", "the platform is away")]
    await new.close()


async def test_an_account_that_is_called_now_is_told_of_although_it_was_polled_before(
    database: str, pool: Pool
) -> None:
    """C43: whoever listens needs no turn."""
    old = await turn(database, pool)
    await old.close()
    bench = Bench(connectors={"shop": api("shop")})
    bench.states.serve(bench.intakes["shop"].account, "listening")
    await bench.states.write(pool)
    assert await states_of(pool) == [("listening", "")]


async def test_a_name_that_comes_late_takes_no_place_from_the_next_process(database: str, pool: Pool) -> None:
    """C43: a session that was cut between its lock and its name has taken nothing."""
    old = await turn(database, pool, take=False)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'switchboard turns'"
        )
    new = await turn(database, pool)
    with pytest.raises(psycopg.OperationalError):
        await old.take("shop")
    await new.save("shop", {"next": 1}, at=clock())
    assert await new.load("shop") == {"next": 1}
    await new.close()


async def test_a_turn_and_its_name_are_taken_in_one_session(database: str, pool: Pool) -> None:
    """C43: no other connection writes the name, which could be late."""
    await pool.close()
    turns = await turn(database, pool)
    async with await psycopg.AsyncConnection.connect(database) as connection:
        found = await (await connection.execute("select holder from channel_cursors")).fetchall()
    assert found == [(turns.holder,)]
    await turns.close()


class Stubborn:
    """A poller that lost its turn, was ended, and says something all the same."""

    def __init__(self) -> None:
        self.account = api("shop").account
        self.desk: PollDesk | None = None
        self.authenticate = api("shop").authenticate
        self.normalize = api("shop").normalize
        self.undecodable = api("shop").undecodable

    async def poll(self, desk: PollDesk) -> None:
        self.desk = desk
        desk.trouble("the platform is away")
        while True:
            await desk.save_cursor({"next": 1})
            await asyncio.sleep(0.01)


async def test_a_poller_whose_turn_is_lost_is_forgotten(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C43: its state, its warning and its metric go, and what it says afterwards is heard by nobody."""
    monkeypatch.setattr(polling, "TURN_EVERY", 0.05)
    shop = Stubborn()
    bench = Bench(connectors={"shop": shop})
    turns = Turns(conninfo=database, pool=pool, holder=uuid4())
    pollers = Pollers(connectors={"shop": shop}, intakes=bench.intakes, turns=turns, clock=clock)
    task = asyncio.create_task(pollers.run())
    async with asyncio.timeout(20):
        while not bench.board.warnings:  # noqa: ASYNC110 - said in another task
            await asyncio.sleep(0.01)
        await pool_run(pool, "update channel_cursors set holder = gen_random_uuid()")
        while bench.board.warnings:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)
        first = shop.desk
        assert isinstance(first, AccountPollDesk)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await pool_run(pool, "delete from channel_states")
    first.trouble("nobody hears it")
    first.well()
    await bench.states.write(pool)
    assert not bench.board.warnings
    assert await states_of(pool) == []
    assert b'switchboard_channel_trouble{account="shop"} 1' not in generate_latest(bench.registry)
    with pytest.raises((TurnLostError, LaterError)):
        await first.accept((Delivery(account=shop.account, raw=message(1), received_at=clock(), intake="poll"),))


async def pool_run(pool: Pool, statement: str) -> None:
    async with pool.connection() as connection:
        await connection.execute(statement)
