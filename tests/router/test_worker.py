"""The worker: every offset leaves exactly one row, whatever the records, the store and the log do."""

import asyncio
from itertools import count
from typing import LiteralString

import pytest
from router_running import Running, outcomes, poison, stored
from routing_lab import LabConsumer, LabLog, LogDownError, PositionGoneError, mail, open_lab

from router.isolation import FuseBlownError, StoppedError
from router.policy import Policies
from schemas.message import InboundMessage, record_header

WAITING_ENDS: LiteralString = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


async def test_every_offset_leaves_exactly_one_row_and_bad_records_stand_alone(database: str) -> None:
    log = LabLog()
    for number in range(40):
        partition = number % 2
        value = poison(f"p{number}") if number in (7, 8, 31) else mail(f"m{number}", f"s{number % 5}@x.example")
        log.append(value, partition)
    log.append(b"no json at all", 0)
    log.append(mail("m0", "s0@x.example"), 1)
    async with open_lab(database) as lab:
        running = await Running(lab, log, batch_size=16).assigned()
        await running.drain()
        found = await outcomes(lab)
        assert set(found) == {(p, o) for p, records in log.partitions.items() for o in range(len(records))}
        assert all(len(kinds) == 1 for kinds in found.values())
        dead = {place for place, kinds in found.items() if kinds == ["dead"]}
        assert dead == {(1, 3), (0, 4), (1, 15), (0, 20)}
        assert found[1, 20] == ["duplicate"]
        assert await stored(lab) == {0: 21, 1: 21} == running.consumer.mirrored
        assert running.watch.troubles == {}
        assert running.watch.counts["dead_letter", "poison"] == 4
        assert running.watch.phases == {"decode", "lock_and_read", "decide", "write"}


async def test_the_order_of_a_partition_outlives_isolation(database: str) -> None:
    log = LabLog()
    values: list[InboundMessage | bytes] = [mail("one"), poison("x")]
    values += [mail("two", answers="one", minutes=1), mail("three", answers="two", minutes=2)]
    log.extend(values)
    async with open_lab(database) as lab:
        await (await Running(lab, log).assigned()).drain()
        assert await lab.threads() == {"one": ["one", "two", "three"]}
        reasons = [row["reason"] for row in await lab.rows("select reason from dead_letters")]
        assert len(reasons) == 1
        assert "bad x" not in reasons[0]


async def test_the_fuse_stops_the_router_and_leaves_the_topic_alone(database: str) -> None:
    log = LabLog()
    log.append(mail("good"))
    for number in range(30):
        log.append(poison(f"p{number}") if number % 2 else b"{}")
    async with open_lab(database) as lab:
        running = await Running(lab, log, fuse=5).assigned()
        await running.worker.run()
        assert len(await lab.rows("select id from dead_letters")) == 5
        assert await stored(lab) == {0: 6}
        assert "5 dead letters in a row" in running.watch.troubles["router fuse"]


async def test_a_good_record_resets_the_fuse(database: str) -> None:
    log = LabLog()
    for number in range(30):
        log.append(mail(f"m{number}") if number % 4 == 3 else b"{}")
    async with open_lab(database) as lab:
        running = await Running(lab, log, fuse=4).assigned()
        await running.drain()
        assert await stored(lab) == {0: 30}


async def test_undecodable_records_blow_the_fuse_in_one_batch(database: str) -> None:
    log = LabLog()
    for _ in range(30):
        log.append(b"{}")
    async with open_lab(database) as lab:
        running = await Running(lab, log, fuse=4).assigned()
        with pytest.raises(FuseBlownError):
            await running.worker.turn(max_wait=0)
        assert await stored(lab) == {0: 4}


async def test_an_unknown_schema_pauses_its_partition_and_is_no_dead_letter(database: str) -> None:
    log = LabLog()
    log.append(mail("one"))
    log.append(mail("two"), headers=(record_header("2.0"),))
    log.append(mail("three"))
    log.append(mail("four", "bob@b.example"), 1)
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        await running.drain()
        assert running.consumer.paused == {0}
        assert "inbound-message/2.0" in running.watch.troubles["partition 0"]
        assert await stored(lab) == {0: 1, 1: 1}
        assert await lab.rows("select * from dead_letters") == []


async def test_a_zombie_consumer_writes_nothing_and_goes_where_the_store_is(database: str) -> None:
    log = LabLog()
    for number in range(4):
        log.append(mail(f"m{number}", f"s{number}@x.example"))
    async with open_lab(database) as lab:
        zombie = await Running(lab, log, batch_size=3).assigned()
        heir = await Running(lab, log, batch_size=2).assigned()
        await heir.worker.turn(max_wait=0)
        await zombie.worker.turn(max_wait=0)
        assert zombie.consumer.next == {0: 2}
        assert await stored(lab) == {0: 2}
        await zombie.drain()
        await heir.drain()
        assert all(len(kinds) == 1 for kinds in (await outcomes(lab)).values())
        assert await stored(lab) == {0: 4}


async def test_a_batch_fetched_before_a_partition_was_lost_and_won_again_is_dropped(database: str) -> None:
    log = LabLog()
    for number in range(4):
        log.append(mail(f"m{number}", f"s{number}@x.example"))
    async with open_lab(database) as lab:
        await (await Running(lab, log, batch_size=1).assigned()).worker.turn(max_wait=0)
        slow = await Running(lab, log, consumer=LabConsumer(log, {0: 1})).assigned()
        await (await Running(lab, log, batch_size=1).assigned()).worker.turn(max_wait=0)
        await slow.positions.load([0])
        await slow.worker.turn(max_wait=0)
        assert await stored(lab) == {0: 2}
        assert slow.consumer.next == {0: 2}


async def test_offsets_of_another_log_are_refused(database: str) -> None:
    log = LabLog()
    log.append(mail("one"))
    log.append(mail("two"))
    async with open_lab(database) as lab:
        await (await Running(lab, log, batch_size=1).assigned()).worker.turn(max_wait=0)
        other = await Running(lab, log, consumer=LabConsumer(log, {0: 1}, identity="another")).assigned()
        await other.worker.turn(max_wait=0)
        assert len(await lab.rows("select id from messages")) == 1


async def test_a_lost_position_turns_readiness_red_and_the_others_go_on(database: str) -> None:
    log = LabLog()
    log.append(mail("one"))
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        running.consumer.failures = [PositionGoneError(3), LogDownError("no broker")]
        await running.worker.turn(max_wait=0)
        assert "begins behind" in running.watch.troubles["partition 3"]
        await running.worker.turn(max_wait=0)
        assert running.watch.troubles["inbound log"] == "no broker"
        assert await running.worker.turn(max_wait=0) == 1
        assert set(running.watch.troubles) == {"partition 3"}


async def test_while_the_store_is_down_the_batch_is_tried_again_until_it_is_in(database: str) -> None:
    log = LabLog()
    log.append(mail("one"))
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        async with lab.pool.connection() as blocker:
            await blocker.execute("lock table consumer_offsets in access exclusive mode")
            turn = asyncio.create_task(running.worker.turn(max_wait=0))
            await asyncio.sleep(0.3)
            await blocker.execute(WAITING_ENDS)
            await running.watch.hears("router store")
        assert await turn == 1
        assert running.watch.troubles == {}
        assert await lab.threads() == {"one": ["one"]}


async def test_a_fenced_consumer_asks_for_its_place_until_the_store_answers(database: str) -> None:
    log = LabLog()
    for number in range(2):
        log.append(mail(f"m{number}", f"s{number}@x.example"))
    async with open_lab(database) as lab:
        zombie = await Running(lab, log).assigned()
        await (await Running(lab, log, batch_size=1).assigned()).worker.turn(max_wait=0)
        async with lab.pool.connection() as blocker:
            await blocker.execute("lock table consumer_offsets in access exclusive mode")
            asking = asyncio.create_task(zombie.worker._isolation.stored([0]))
            await asyncio.sleep(0.3)
            await blocker.execute(WAITING_ENDS)
            await zombie.watch.hears("router store")
        assert (await asking)[0][0] == 1


@pytest.mark.parametrize("count", [1, 400], ids=["one message", "two transactions at a time"])
async def test_a_stop_gives_up_a_batch_that_waits_for_the_store(database: str, count: int) -> None:
    log = LabLog()
    for number in range(count):
        log.append(mail(f"m{number}", f"s{number}@x.example"), number % 4)
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        await lab.pool.close()
        turn = asyncio.create_task(running.worker.turn(max_wait=0))
        await running.watch.hears("router store")
        running.worker.stop()
        with pytest.raises(StoppedError):
            await turn


async def test_run_ends_after_the_batch_in_hand(database: str) -> None:
    log = LabLog()
    for number in range(20):
        log.append(mail(f"m{number}", f"s{number}@x.example"))
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        run = asyncio.create_task(running.worker.run())
        await running.watch.hears("opened")
        running.worker.stop()
        await run
        assert await stored(lab) == {0: 20}


async def test_after_a_small_batch_the_router_gathers_for_the_next_and_a_stop_ends_that(database: str) -> None:
    log = LabLog()
    log.append(mail("one", "s1@x.example"))
    async with open_lab(database) as lab:
        slow = count(step=600)  # by this timer every batch takes minutes, and so does the pause after it
        running = await Running(lab, log, gather=600, timer=lambda: float(next(slow))).assigned()
        run = asyncio.create_task(running.worker.run())
        await running.watch.hears("opened")
        log.append(mail("two", "s2@x.example"))
        await asyncio.sleep(0.1)
        running.worker.stop()
        await run
        assert await stored(lab) == {0: 1}


async def test_a_fault_of_our_own_code_kills_one_record_and_not_the_router(database: str) -> None:
    class Trapped(Policies):
        def is_staff(self, address: str) -> bool:
            if address == "trap@x.example":
                raise ZeroDivisionError
            return super().is_staff(address)

    log = LabLog()
    for number in range(5):
        log.append(mail(f"m{number}", f"s{number}@x.example", cc=["trap@x.example"] if number == 2 else []))
    async with open_lab(database) as lab:
        running = Running(lab, log)
        running.worker._isolation._router._policies = Trapped()
        await running.assigned()
        await running.drain()
        letters = await lab.rows('select "offset", reason from dead_letters')
        assert [(row["offset"], "ZeroDivisionError" in row["reason"]) for row in letters] == [(2, True)]
        assert await stored(lab) == {0: 5}
