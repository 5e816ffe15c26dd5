"""Properties of what we sign, on the store: where a batch ends never matters, whatever tokens its mails carry."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paper_router import PaperRouter
from routing_lab import OWN_ADDRESS, Lab, mail, open_lab
from signed_lab import say, stored

from router.policy import AccountPolicy, Otherwise, Policies, SenderMatch, Staff, Strangers
from schemas.message import InboundMessage
from schemas.numbers import subject_tag
from schemas.placement import Visibility

RUI = "rui@work.example"
PEOPLE = ["ana@a.example", "bob@b.example", "eve@e.example"]
PLACES = ["own_id", "recipient", "cc", "in_reply_to", "references", "report", "body"]
OURS = count(1_000_000_000)
"""Numbers of messages of ours, which no sequence reaches."""

EMPTY = """
    truncate tickets, messages, delivery_keys, duplicates, thread_ids, quoted_ids, held_ids, outbox, blob_refs,
             dead_letters cascade
"""

replies = st.fixed_dictionaries(
    {
        "sender": st.sampled_from([*PEOPLE, *PEOPLE[:2], RUI, "mailer-daemon@x.example"]),
        "answers": st.sampled_from(["", "", "", *(f"r{number}" for number in range(4)), "away"]),
        "subject": st.sampled_from(["Printer", "Printer", "Scanner", ""]),
        "verdict": st.sampled_from(["none", "pass", "pass", "fail"]),
        "automatic": st.sampled_from(["no", "no", "no", "auto_reply", "bounce"]),
        "prefix": st.sampled_from(["reply", "reply", "none", "forward"]),
        "token": st.tuples(st.sampled_from(PLACES), st.integers(min_value=0, max_value=4)),
        "tag": st.sampled_from(["", "", "ana", "bob"]),
    }
)
policies = st.builds(
    lambda policy: Policies(
        own_addresses=frozenset({OWN_ADDRESS}),
        staff=Staff(addresses=frozenset({RUI})),
        senders={"support": OWN_ADDRESS},
        default=policy,
    ),
    st.builds(
        AccountPolicy,
        strangers=st.sampled_from(Strangers),
        sender_match=st.sampled_from(SenderMatch),
        unmatched=st.sampled_from(Otherwise),
    ),
)


@dataclass(frozen=True, slots=True)
class World:
    """What differs between paper and store: numbers of tickets, and tokens (ana public, ana internal, bob public)."""

    tokens: Sequence[str]
    numbers: dict[str, str]


def written(world: World, place: int, reply: dict[str, Any]) -> InboundMessage:
    """Write one reply with the tokens and numbers of a world."""
    where, which = reply["token"]
    chosen = {key: value for key, value in reply.items() if key not in ("token", "tag")}
    report = {"recipient": ""} if where == "report" else None
    tokens = [(where, world.tokens[which])] if which < len(world.tokens) else []
    found = mail(f"r{place}", chosen.pop("sender"), minutes=place, tokens=tokens, report=report, **chosen)
    if not reply["tag"]:
        return found
    return found.model_copy(update={"subject": f"{subject_tag(world.numbers[reply['tag']])} {found.subject}"})


def prelude() -> list[InboundMessage]:
    return [mail(name, f"{name}@{name[0]}.example", verdict="pass") for name in ("ana", "bob")]


def on_paper(paper: PaperRouter) -> World:
    paper.route(*prelude())
    tokens = [paper.say("ana"), paper.say("ana", visibility=Visibility.INTERNAL), paper.say("bob", to=PEOPLE[1:2])]
    return World(tokens, {name: paper.ticket(name).number for name in ("ana", "bob")})


async def in_store(lab: Lab, chosen: Policies) -> World:
    await lab.run(EMPTY)
    await lab.route(*prelude(), policies=chosen)
    tokens = [
        await say(lab, "ana", message_id=next(OURS)),
        await say(lab, "ana", visibility=Visibility.INTERNAL, message_id=next(OURS)),
        await say(lab, "bob", to=PEOPLE[1:2], message_id=next(OURS)),
    ]
    rows = await lab.rows("select number from tickets order by id")
    return World(tokens, dict(zip(("ana", "bob"), [row["number"] for row in rows], strict=True)))


async def ends(lab: Lab, names: Sequence[str]) -> list[tuple[object, ...]]:
    """Give where each message ended: on which ticket (by its first message), for whose eyes, by which rule."""
    firsts = {
        row["ticket_id"]: row["first"]
        for row in await lab.rows(
            "select distinct on (ticket_id) ticket_id, body_text as first from messages"
            " where ticket_id is not null and direction = 'in' order by ticket_id, id"
        )
    }
    found: list[tuple[object, ...]] = []
    for name in names:
        row = await stored(lab, name)
        on = str(firsts.get(row["ticket_id"], "")).removeprefix("text of ")
        found.append((name, on, row["state"], row["visibility"], row["author"], row["decision"]["rule"]))
    return found


def paper_ends(paper: PaperRouter, names: Sequence[str]) -> list[tuple[object, ...]]:
    placed = [paper.placed(name) for name in names]
    firsts: dict[int, str] = {}
    for one in sorted(paper.placer.placed.values(), key=lambda one: one.message.id):
        if one.ticket is not None:
            firsts.setdefault(one.ticket.id, one.message.message.text.content.removeprefix("text of "))
    return [
        (
            name,
            firsts[one.ticket.id] if one.ticket else "",
            one.state,
            one.visibility.value,
            one.author.value,
            one.decision.rule.value,
        )
        for name, one in zip(names, placed, strict=True)
    ]


@given(
    chosen=policies,
    story=st.lists(replies, min_size=4, max_size=14),
    cuts=st.lists(st.integers(min_value=0, max_value=13), max_size=4),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_tokens_numbers_and_reports_end_in_batches_as_one_at_a_time_on_paper(
    database: str, chosen: Policies, story: list[dict[str, Any]], cuts: list[int]
) -> None:
    async def run() -> None:
        paper = PaperRouter(chosen)
        world = on_paper(paper)
        paper.route(*(written(world, place, reply) for place, reply in enumerate(story)))
        names = [f"r{place}" for place in range(len(story))]
        async with open_lab(database) as lab:
            world = await in_store(lab, chosen)
            mails = [written(world, place, reply) for place, reply in enumerate(story)]
            borders = sorted({0, *(min(cut, len(mails)) for cut in cuts), len(mails)})
            for start, end in pairwise(borders):
                await lab.route(*mails[start:end], policies=chosen)
            assert await ends(lab, names) == paper_ends(paper, names)
            states = "select recipients -> 0 ->> 'state' as state from sends where message_id >= 1000000000 order by 1"
            queued = sorted("queued" if one["state"] == "sent" else one["state"] for one in paper_recipients(paper))
            assert [row["state"] for row in await lab.rows(states)] == queued

    asyncio.run(run())


def paper_recipients(paper: PaperRouter) -> list[dict[str, Any]]:
    return [row.recipients[0] for row in paper.view.sent.values()]
