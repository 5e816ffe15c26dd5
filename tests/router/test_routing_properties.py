"""Properties: where a batch ends never matters, and nobody unrelated ever shares a ticket, with one worker or two.

What may differ: with two workers the order between their messages, so a reply may be held in one run and released in
another run's batch; every end state is that of some order of the same messages. What never differs: with one worker,
everything; with two, that each delivery is counted once and that a ticket holds nobody whom its requester did not name.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from legacy_lab import opening, policies
from paper_router import PaperRouter
from routing_lab import ANYONE, HOLDING, OPENING, Lab, mail, open_lab

from router.batch import Part, Routable
from router.policy import Policies, SenderMatch
from schemas.message import InboundMessage
from schemas.placement import Fault
from schemas.routing_rows import LogPosition

WITH_OLD_DESK, CONTINUING = policies(), opening(sender_match=SenderMatch.ANY)
NAMES = [f"m{number}" for number in range(8)]
PEOPLE = ["ana@a.example", "bob@b.example", "eve@e.example"]

messages = st.builds(
    mail,
    st.sampled_from(NAMES),
    st.sampled_from(PEOPLE),
    answers=st.sampled_from(["", "", *NAMES, "away"]).map(lambda name: (name,) if name else ()),
    references=st.lists(st.sampled_from([*NAMES, "away", "far"]), max_size=3),
    subject=st.sampled_from(["Printer", "Printer", "Scanner", "", "[Ticket#42] Printer", "[Ticket#43] Printer"]),
    prefix=st.sampled_from([None, None, None, "forward"]),
    cc=st.lists(st.sampled_from(PEOPLE), max_size=1),
    minutes=st.integers(min_value=0, max_value=9),
    verdict=st.sampled_from(["none", "pass", "fail"]),
    automatic=st.sampled_from(["no", "no", "no", "auto_reply", "bounce"]),
    account=st.sampled_from(["support", "support", "sales"]),
    body=st.sampled_from(["", "", "other"]),
)


@dataclass(frozen=True, slots=True)
class Story:
    """Messages in the order of the log, and how many each batch takes."""

    messages: Sequence[InboundMessage]
    cuts: Sequence[int]
    policies: Policies

    def batches(self) -> list[Sequence[InboundMessage]]:
        borders = sorted({0, *(cut % (len(self.messages) + 1) for cut in self.cuts), len(self.messages)})
        return [self.messages[a:b] for a, b in pairwise(borders)]


stories = st.builds(
    Story,
    st.lists(messages, min_size=1, max_size=14),
    st.lists(st.integers(min_value=0, max_value=99), max_size=4),
    st.sampled_from([HOLDING, OPENING, ANYONE, WITH_OLD_DESK, CONTINUING]),
)
BOUNDED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)

EMPTY = """
    truncate tickets, ticket_participants, messages, delivery_keys, duplicates, thread_ids, quoted_ids, held_ids, spool,
             sends, notices, legacy_tickets, legacy_ids, outbox, blob_refs, dead_letters, consumer_offsets cascade
"""


async def groups(lab: Lab) -> tuple[set[frozenset[str]], dict[str, str]]:
    """Give tickets as sets of deliveries, and the hold reasons of deliveries."""
    rows = await lab.rows("select ticket_id, encode(delivery_key, 'hex') as key from messages where state = 'ticketed'")
    tickets: dict[int, set[str]] = {}
    for row in rows:
        tickets.setdefault(row["ticket_id"], set()).add(row["key"])
    held = await lab.rows(
        "select encode(delivery_key, 'hex') as key, reason from spool join messages on id = message_id"
    )
    return {frozenset(keys) for keys in tickets.values()}, {row["key"]: row["reason"] for row in held}


async def check_invariants(lab: Lab, story: Story) -> None:
    """Everything counted once; nobody on a ticket but its requester and those whom the requester named."""
    counted = await lab.rows("select (select count(*) from messages) + (select count(*) from duplicates) as n")
    assert counted[0]["n"] == len(story.messages)
    rows = await lab.rows(
        "select m.ticket_id, m.sender_address as sender, t.requester_address as requester, m.details -> 'cc' as cc"
        " from messages m join tickets t on t.id = m.ticket_id"
    )
    named: dict[int, set[str]] = {}
    for row in rows:
        if row["sender"] == row["requester"]:
            named.setdefault(row["ticket_id"], {row["requester"]}).update(p["address"] for p in row["cc"] or [])
    assert all(row["sender"] in named[row["ticket_id"]] for row in rows)
    counts = (
        "select id from tickets t where message_count <> (select count(*) from messages m where m.ticket_id = t.id)"
    )
    assert await lab.rows(counts) == []
    gaps = "select ticket_id from outbox group by 1 having max(sequence) <> count(*)"
    assert await lab.rows(gaps) == []


@given(story=stories)
@BOUNDED
def test_batches_end_as_one_message_at_a_time_on_paper(database: str, story: Story) -> None:
    async def run() -> None:
        paper = PaperRouter(story.policies)
        paper.route(*story.messages)
        async with open_lab(database) as lab:
            await lab.run(EMPTY)
            for batch in story.batches():
                await lab.route(*batch, policies=story.policies)
            assert await groups(lab) == paper.groups()
            await check_invariants(lab, story)

    asyncio.run(run())


async def patiently(lab: Lab, policies: Policies, batch: Sequence[InboundMessage]) -> None:
    """Route as the worker does: a deadlock is tried again."""
    part = Part(log=LogPosition("r", "t", "l"), moves=(), messages=[Routable(message=message) for message in batch])
    for _ in range(9):
        try:
            await lab.router(policies).route(part)
        except Exception as error:
            if lab.store.fault_of(error)[0] is not Fault.AGAIN:
                raise
        else:
            return
    pytest.fail("a batch deadlocked nine times in a row")


@given(story=stories)
@BOUNDED
def test_two_workers_on_the_same_threads_lose_nothing_and_mix_nobody(database: str, story: Story) -> None:
    async def work(lab: Lab, batches: Sequence[Sequence[InboundMessage]]) -> None:
        for batch in batches:
            await patiently(lab, story.policies, batch)

    async def run() -> None:
        async with open_lab(database) as lab:
            await lab.run(EMPTY)
            batches = story.batches()
            await asyncio.gather(work(lab, batches[::2]), work(lab, batches[1::2]))
            await check_invariants(lab, story)

    asyncio.run(run())


async def test_a_thousand_senders_over_two_workers_share_no_ticket(database: str) -> None:
    async with open_lab(database) as lab:
        crowd = [mail(f"m{n}", f"s{n}@crowd.example", answers="newsletter") for n in range(1000)]
        halves = [[patiently(lab, ANYONE, crowd[n::2][at : at + 100]) for at in range(0, 500, 100)] for n in (0, 1)]
        for pair in zip(*halves, strict=True):
            await asyncio.gather(*pair)
        tickets = await lab.senders_by_ticket()
        assert len(tickets) == 1000
        assert all(len(senders) == 1 for senders in tickets)


async def test_two_workers_with_the_same_sender_and_subject_make_one_ticket(database: str) -> None:
    async with open_lab(database) as lab:
        await lab.route(mail("warm", "w@x.example"))
        await asyncio.gather(*(patiently(lab, ANYONE, [mail(f"m{n}", minutes=n)]) for n in range(4)))
        assert sorted(len(names) for names in (await lab.threads()).values()) == [1, 4]


async def test_an_original_and_its_late_answers_meet_whatever_worker_is_first(database: str) -> None:
    async with open_lab(database) as lab:
        for turn in range(10):
            one, two, three = (f"{name}{turn}" for name in ("one", "two", "three"))
            sender = f"s{turn}@x.example"
            await patiently(lab, HOLDING, [mail(two, sender, answers=one, minutes=2)])
            await asyncio.gather(
                patiently(lab, HOLDING, [mail(one, sender, minutes=1)]),
                patiently(lab, HOLDING, [mail(three, sender, answers=two, minutes=3)]),
            )
        assert all(len(names) == 3 for names in (await lab.threads()).values())
        assert await lab.held() == {}


async def test_two_workers_with_crossed_threads_finish(database: str) -> None:
    async with open_lab(database) as lab:
        there = [mail(f"a{n}", answers=f"x{n}", references=[f"x{99 - n}"]) for n in range(100)]
        back = [mail(f"b{n}", answers=f"x{99 - n}", references=[f"x{n}"]) for n in range(100)]
        await asyncio.gather(
            *(patiently(lab, OPENING, batch) for batch in (there[:50], back[:50], there[50:], back[50:]))
        )
        assert (await lab.rows("select count(*) as n from messages"))[0]["n"] == 200
