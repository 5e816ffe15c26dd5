"""Polling: one process an account, a cursor that only moves after the store, and trouble that stays where it is."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import psycopg
import pytest
from intake_door import SECRET, Bench, clock, message
from pydantic import SecretStr

from connectors.api.channel import ApiConnector
from connectors.api.settings import ApiAccountSettings
from connectors.base import Account, Delivery, LaterError, PollDesk
from daemon import polling
from daemon.polling import Pollers
from ticket_store.channel_states import read_states
from ticket_store.cursors import TurnLostError, Turns
from ticket_store.pool import Pool, make_pool


class Polled(ApiConnector):
    """Gives numbers from its cursor on, as a platform that keeps what was not confirmed; `failing` breaks it."""

    def __init__(self, name: str) -> None:
        settings = ApiAccountSettings(channel="api", secret=SecretStr(SECRET))
        super().__init__(account=Account(name=name, channel="api", scope=name), settings=settings)
        self.failing: Exception | None = None
        self.polls = 0
        self.saved: list[int] = []
        self.desk: PollDesk | None = None

    async def poll(self, desk: PollDesk) -> None:
        self.polls += 1
        self.desk = desk
        at = int((await desk.load_cursor()).get("next", 0))
        while True:
            if self.failing is not None:
                raise self.failing
            raw = message(at)
            delivery = Delivery(account=self.account, raw=raw, received_at=clock(), intake="poll")
            await desk.accept((delivery,))
            at += 1
            await desk.save_cursor({"next": at})
            self.saved.append(at)
            desk.well()
            await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "TURN_EVERY", 0.05)
    monkeypatch.setattr(polling, "FIRST_PAUSE", 0.05)


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with make_pool(database, name="test", max_size=8) as opened:
        yield opened


@asynccontextmanager
async def polled(database: str, pool: Pool, *connectors: Polled) -> AsyncIterator[Bench]:
    """Run what one process runs."""
    bench = Bench(connectors={one.account.name: one for one in connectors})
    turns = Turns(conninfo=database, pool=pool, holder=uuid4())
    pollers = Pollers(
        connectors={one.account.name: one for one in connectors}, intakes=bench.intakes, turns=turns, clock=clock
    )
    task = asyncio.create_task(pollers.run())
    try:
        yield bench
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is waited for is in the store or in another task
            await asyncio.sleep(0.01)


def numbers(bench: Bench) -> list[str]:
    return [one.text.content for one in bench.sink.messages]


async def test_one_process_polls_and_the_next_goes_on_where_the_cursor_stands(database: str, pool: Pool) -> None:
    """C42."""
    first, second = Polled("shop"), Polled("shop")
    async with polled(database, pool, first) as one:
        await until(lambda: len(first.saved) >= 3)
        async with polled(database, pool, second) as other:
            await asyncio.sleep(0.3)
            assert second.polls == 0
            await _stop(first, one)
            del other
    async with polled(database, pool, second) as other:
        await until(lambda: len(second.saved) >= 3)
    assert numbers(other)[0] == f"number {first.saved[-1]}"


async def _stop(first: Polled, bench: Bench) -> None:
    """The first goes on alone while the second waits."""
    before = len(first.saved)
    await until(lambda: len(first.saved) > before)
    assert len(bench.sink.messages) >= len(first.saved)


async def test_a_process_whose_session_was_cut_stops_and_another_goes_on(database: str, pool: Pool) -> None:
    """C42."""
    first, second = Polled("shop"), Polled("shop")
    async with polled(database, pool, first) as one, polled(database, pool, second) as other:
        await until(lambda: bool(first.saved or second.saved))
        for _ in range(3):
            before = len(first.saved) + len(second.saved)
            await _cut_turns(database)
            await until(lambda: len(first.saved) + len(second.saved) > before + 3)  # noqa: B023 - awaited at once
    stored = {*numbers(one), *numbers(other)}
    last = max(*first.saved, *second.saved, 0)
    assert stored >= {f"number {n}" for n in range(last)}, "nothing is left out between two processes"


async def test_the_cursor_of_a_process_that_lost_its_turn_is_not_kept(database: str, pool: Pool) -> None:
    """C43."""
    zombie = Turns(conninfo=database, pool=pool, holder=uuid4())
    heir = Turns(conninfo=database, pool=pool, holder=uuid4())
    await zombie.open()
    assert await zombie.take("shop")
    await zombie.save("shop", {"next": 5}, at=clock())
    await heir.open()
    assert not await heir.take("shop")
    await zombie.close()
    async with asyncio.timeout(30):  # the server notices a moment later that the session has ended
        while not await heir.take("shop"):  # noqa: ASYNC110 - what is asked is the server
            await asyncio.sleep(0.02)
    assert await heir.load("shop") == {"next": 5}
    with pytest.raises(TurnLostError):
        await zombie.save("shop", {"next": 99}, at=clock())
    with pytest.raises(TurnLostError):
        await zombie.load("shop")
    assert await heir.load("shop") == {"next": 5}
    await heir.close()


async def test_a_cursor_stays_while_nothing_is_stored(database: str, pool: Pool) -> None:
    """C40."""
    shop = Polled("shop")
    async with polled(database, pool, shop) as bench:
        await until(lambda: len(shop.saved) >= 2)
        bench.sink.error = LaterError("the bus is down")
        await until(lambda: shop.polls >= 2)
        kept = shop.saved[-1]
        bench.sink.error = None
        await until(lambda: shop.saved[-1] > kept)
        assert numbers(bench)[kept] == f"number {kept}"
    assert len(set(numbers(bench))) == len(numbers(bench))


async def test_what_a_poller_raises_is_tried_again_and_touches_no_other_account(
    database: str, pool: Pool, capsys: pytest.CaptureFixture[str]
) -> None:
    """C44 and C45."""
    broken, well = Polled("broken"), Polled("well")
    broken.failing = RuntimeError("token 12345")
    async with polled(database, pool, broken, well) as bench:
        await until(lambda: broken.polls >= 3 and len(well.saved) >= 5)
        await bench.states.write(pool)
        states = {state.account: state for state in await read_states(pool)}
        assert (states["broken"].state, states["well"].state) == ("trouble", "polling")
        assert states["broken"].problem == "polling failed: RuntimeError"
        assert [warning.reason for warning in bench.board.warnings] == ["channel broken"]
        assert not list(bench.board), "one platform's trouble leaves the daemon ready"
        broken.failing = None
        await until(lambda: bool(broken.saved))
        await bench.states.write(pool)
        states = {state.account: state for state in await read_states(pool)}
        assert states["broken"].state == "polling"
        assert states["broken"].delivered_at is not None
    assert "12345" not in "".join(capsys.readouterr())


async def test_a_poller_that_says_nothing_for_long_is_in_trouble(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C45: a hung connection raises nothing."""
    monkeypatch.setattr(polling, "SILENT_AFTER", 0.1)

    class Hung(Polled):
        async def poll(self, desk: PollDesk) -> None:
            del desk
            await asyncio.Event().wait()

    async with polled(database, pool, Hung("shop")) as bench:
        await until(lambda: bool(bench.board.warnings))
        assert bench.board.warnings[0].detail == "no round has ended for 0.1 seconds"


async def test_a_poller_that_names_its_trouble_again_and_again_is_left_to_its_own_words(
    database: str, pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C45."""
    monkeypatch.setattr(polling, "SILENT_AFTER", 0.2)

    class Away(Polled):
        async def poll(self, desk: PollDesk) -> None:
            while True:
                self.polls += 1
                desk.trouble("the platform cannot be reached")
                await asyncio.sleep(0.02)

    shop, said = Away("shop"), set[str]()
    async with polled(database, pool, shop) as bench:
        await until(lambda: bool(bench.board.warnings))
        while shop.polls < 40:
            said.update(warning.detail for warning in bench.board.warnings)
            await asyncio.sleep(0.005)
    assert said == {"the platform cannot be reached"}


async def _cut_turns(database: str) -> None:
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as connection:
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'switchboard turns'"
        )
