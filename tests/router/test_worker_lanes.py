"""A large batch is shared out to transactions at the same time, and the next one is read meanwhile: nothing is lost."""

import asyncio
from collections.abc import Sequence

from router_running import Running, outcomes, poison, stored
from routing_lab import HOLDING, LabConsumer, LabLog, LabRecord, mail, open_lab

from router.isolation import LANES_FROM, in_lanes
from router.parts import Decoded
from schemas.message import record_header

TRANSACTIONS = "select count(distinct stored_at) as transactions from messages"
LARGE = LANES_FROM + 40


def filled(count: int, partitions: int = 4) -> LabLog:
    log = LabLog()
    for number in range(count):
        log.append(mail(f"m{number}", f"s{number}@x.example", subject=f"Matter {number}"), number % partitions)
    return log


class SlowConsumer(LabConsumer):
    """Says when it is asked, and gives what it has only when it is let."""

    def __init__(self, log: LabLog) -> None:
        super().__init__(log)
        self.asked = 0
        self.let = asyncio.Event()

    async def fetch(self, *, max_records: int, max_wait: float) -> Sequence[LabRecord]:
        self.asked += 1
        if self.asked > 1:
            await self.let.wait()
        return await super().fetch(max_records=max_records, max_wait=max_wait)


async def test_a_large_batch_is_routed_in_two_transactions_and_every_offset_leaves_one_row(database: str) -> None:
    log = filled(LARGE)
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        await running.drain()
        found = await outcomes(lab)
        assert found == {(p, o): ["message"] for p, records in log.partitions.items() for o in range(len(records))}
        assert await stored(lab) == {p: len(records) for p, records in log.partitions.items()}
        assert (await lab.rows(TRANSACTIONS))[0]["transactions"] == 2
        assert (await lab.rows("select count(*) from tickets"))[0]["count"] == LARGE


async def test_a_small_batch_and_one_of_a_single_partition_stay_one_transaction(database: str) -> None:
    async with open_lab(database) as lab:
        await (await Running(lab, filled(LANES_FROM - 1)).assigned()).drain()
        assert (await lab.rows(TRANSACTIONS))[0]["transactions"] == 1
    entries = Decoded()
    entries.add(filled(LARGE, partitions=1).partitions[0])
    assert in_lanes(entries.entries) == []


async def test_a_bad_record_of_a_large_batch_dies_alone(database: str) -> None:
    log = filled(LARGE)
    log.append(poison("bad"), 2)
    log.append(mail("last", "last@x.example"), 2)
    async with open_lab(database) as lab:
        running = await Running(lab, log).assigned()
        await running.drain()
        found = await outcomes(lab)
        assert [place for place, kinds in found.items() if kinds == ["dead"]] == [(2, LARGE // 4)]
        assert all(len(kinds) == 1 for kinds in found.values())
        assert len(found) == LARGE + 2
        assert running.watch.troubles == {}


async def test_answers_find_their_originals_over_the_transactions_of_one_batch(database: str) -> None:
    log = LabLog()
    for number in range(LARGE // 2):
        log.append(mail(f"m{number}", f"s{number}@x.example", subject=f"Matter {number}"), 0)
        answer = mail(f"a{number}", f"s{number}@x.example", answers=f"m{number}", subject=f"Matter {number}")
        log.append(answer, 1)
    async with open_lab(database) as lab:
        await (await Running(lab, log, policies=HOLDING).assigned()).drain()
        found = sorted(sorted(names) for names in (await lab.threads()).values())
        assert found == sorted([f"a{n}", f"m{n}"] for n in range(LARGE // 2))


async def test_the_next_batch_is_read_while_a_full_one_is_routed(database: str) -> None:
    log = filled(10)
    async with open_lab(database) as lab:
        consumer = SlowConsumer(log)
        running = await Running(lab, log, consumer=consumer, batch_size=5).assigned()
        assert await running.worker.turn(max_wait=0) == 5
        await asyncio.sleep(0)
        assert consumer.asked == 2
        consumer.let.set()
        await running.drain()
        assert all(kinds == ["message"] for kinds in (await outcomes(lab)).values())


async def test_what_was_read_ahead_is_dropped_with_a_batch_that_is_refused(database: str) -> None:
    log = filled(12, partitions=2)
    async with open_lab(database) as lab:
        zombie = await Running(lab, log, batch_size=5).assigned()
        await (await Running(lab, log, batch_size=1).assigned()).worker.turn(max_wait=0)
        await zombie.worker.turn(max_wait=0)
        assert zombie.consumer.next == {0: 1, 1: 0}
        await zombie.drain()
        assert all(len(kinds) == 1 for kinds in (await outcomes(lab)).values())
        assert await stored(lab) == {0: 6, 1: 6}


async def test_a_stop_leaves_what_was_read_ahead_in_the_log(database: str) -> None:
    log = filled(10, partitions=1)
    async with open_lab(database) as lab:
        running = await Running(lab, log, batch_size=5).assigned()
        run = asyncio.create_task(running.worker.run())
        await running.watch.hears("opened")
        running.worker.stop()
        await run
        assert await stored(lab) in ({0: 5}, {0: 10})
        heir = await Running(lab, log).assigned()
        await heir.drain()
        assert await stored(lab) == {0: 10}


async def test_an_unknown_schema_that_is_read_ahead_stops_its_partition_behind_what_is_known(database: str) -> None:
    log = filled(6, partitions=1)
    log.append(mail("new"), headers=(record_header("2.0"),))
    log.append(mail("behind"))
    async with open_lab(database) as lab:
        running = await Running(lab, log, batch_size=5).assigned()
        await running.drain()
        assert await stored(lab) == {0: 6}
        assert running.consumer.paused == {0}


async def test_an_unknown_schema_in_what_is_read_ahead_and_dropped_stops_nothing_yet(database: str) -> None:
    log = filled(6, partitions=1)
    log.append(mail("new"), headers=(record_header("2.0"),))
    async with open_lab(database) as lab:
        zombie = await Running(lab, log, batch_size=5).assigned()
        await (await Running(lab, log, batch_size=1).assigned()).worker.turn(max_wait=0)
        await zombie.worker.turn(max_wait=0)
        assert zombie.consumer.paused == set()
        await zombie.drain()
        assert await stored(lab) == {0: 6}
        assert zombie.consumer.paused == {0}
