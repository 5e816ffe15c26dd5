"""Conversations that hypothesis makes up step by step, routed by real workers on a real database.

One worker, whatever its batches: the end is that of the same messages one at a time, in order, on paper. Two workers
and operators: what holds in every order is checked after each step (`Scene.check`).
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from paper_router import PaperRouter
from routing_lab import ANYONE, HOLDING, OPENING, Lab, digest, mail, open_lab
from routing_scene import Scene

from lifecycle.statuses import Status
from router.policy import Policies
from schemas.message import InboundMessage

PEOPLE = ["ana@a.example", "bob@b.example", "eve@e.example"]
DAY = 24 * 60
SCOPES = {"support": "here", "sales": "here", "partner": "elsewhere"}
"""Account -> scope: two that share their ids, and one that knows nothing of them."""

people = st.sampled_from(PEOPLE)
accounts = st.sampled_from(["support", "support", *SCOPES])
subjects = st.sampled_from(["Printer", "Printer", "Scanner", ""])
verdicts = st.sampled_from(["none", "pass", "pass", "fail"])
picks = st.integers(min_value=0, max_value=9)
carriers = st.sampled_from([("answers",), ("references",), ("answers", "references")])
sizes = st.integers(min_value=1, max_value=4)


def name_of(message: InboundMessage) -> str:
    assert message.thread.own is not None
    return message.thread.own.shown.removeprefix("<").removesuffix("@mail.example")


def account_of(message: InboundMessage) -> str:
    return message.account.partition("-")[0]


def present(message: InboundMessage) -> list[str]:
    """Give everybody who wrote or was sent a message, the writer first."""
    return [message.sender.address, *(party.address for party in message.cc)]


class Correspondence(RuleBasedStateMachine):
    """People write, answer, repeat and forge; one worker routes in batches that end anywhere."""

    mails = Bundle("mails")
    early = Bundle("early")
    """Answers to what has not been sent yet."""

    new_scene: "NewScene"

    def __init__(self) -> None:
        super().__init__()
        self.names = count(1)
        self.minutes = 0
        self.dirty = False

    @initialize(policies=st.sampled_from([HOLDING, OPENING, ANYONE]))
    def begin(self, policies: Policies) -> None:
        self.scene = self.new_scene(policies)

    def send(self, name: str, sender: str, account: str, **more: Any) -> InboundMessage:
        """Send a mail a minute after the last one."""
        self.minutes += 1
        message = mail(
            name,
            sender,
            account=f"{account}-{self.scene.number}",
            scope=self.scene.scopes[SCOPES[account]],
            minutes=self.minutes,
            **more,
        )
        self.scene.waiting.append(message)
        return message

    def new_name(self) -> str:
        return f"m{next(self.names)}"

    @rule(
        target=mails,
        sender=people,
        account=accounts,
        subject=subjects,
        cc=st.lists(people, max_size=1),
        verdict=verdicts,
    )
    def somebody_writes_anew(
        self, *, sender: str, account: str, subject: str, cc: list[str], verdict: str
    ) -> InboundMessage:
        return self.send(self.new_name(), sender, account, subject=subject, cc=cc, verdict=verdict)

    @rule(
        target=mails,
        original=mails | early,
        who=picks,
        carried=carriers,
        to_all=st.booleans(),
        verdict=verdicts,
        automatic=st.sampled_from(["no", "no", "no", "auto_reply", "bounce"]),
    )
    def somebody_there_answers(
        self,
        *,
        original: InboundMessage,
        who: int,
        carried: tuple[str, ...],
        to_all: bool,
        verdict: str,
        automatic: str,
    ) -> InboundMessage:
        there = present(original)
        sender = there[who % len(there)]
        return self.send(
            self.new_name(),
            sender,
            account_of(original),
            subject=original.subject,
            cc=[person for person in there if person != sender] if to_all else [],
            verdict=verdict,
            automatic=automatic,
            **dict.fromkeys(carried, (name_of(original),)),
        )

    @rule(target=mails, original=mails, account=accounts, naming=st.booleans(), verdict=verdicts)
    def a_stranger_quotes(
        self, *, original: InboundMessage, account: str, naming: bool, verdict: str
    ) -> InboundMessage:
        cc = present(original) if naming else []
        more = {"subject": original.subject, "answers": name_of(original), "cc": cc, "verdict": verdict}
        return self.send(self.new_name(), "mallory@m.example", account, **more)

    @rule(target=early, sender=people, cc=st.lists(people, max_size=1), carried=carriers, verdict=verdicts)
    def an_answer_comes_before_its_original(
        self, *, sender: str, cc: list[str], carried: tuple[str, ...], verdict: str
    ) -> InboundMessage:
        original = self.new_name()
        answered = dict.fromkeys(carried, (original,))
        return self.send(f"{original}-answer", sender, "support", cc=cc, verdict=verdict, **answered)

    @rule(target=mails, answer=consumes(early), who=picks, to_all=st.booleans(), verdict=verdicts)
    def the_original_comes(
        self, *, answer: InboundMessage, who: int, to_all: bool, verdict: str
    ) -> MultipleResults[InboundMessage]:
        there = present(answer)
        sender, name = there[who % len(there)], name_of(answer).removesuffix("-answer")
        original = self.send(name, sender, "support", cc=there if to_all else [], verdict=verdict)
        return multiple(original, answer)

    @rule(message=mails | early)
    def it_is_delivered_again(self, message: InboundMessage) -> None:
        self.scene.waiting.append(message)

    @rule(message=mails | early)
    def a_copy_comes_with_another_body(self, message: InboundMessage) -> None:
        changed = {"delivery_key": digest(f"{message.delivery_key} and a footer")}
        self.scene.waiting.append(message.model_copy(update=changed))

    @rule(message=mails, account=accounts)
    def another_account_receives_it_too(self, message: InboundMessage, account: str) -> None:
        changed = {
            "delivery_key": digest(f"{message.delivery_key} to {account}"),
            "account": f"{account}-{self.scene.number}",
            "scope": self.scene.scopes[SCOPES[account]],
        }
        self.scene.waiting.append(message.model_copy(update=changed))

    @rule(message=mails, sender=st.sampled_from([*PEOPLE, "mallory@m.example"]), verdict=verdicts)
    def somebody_takes_its_id(self, message: InboundMessage, sender: str, verdict: str) -> None:
        self.send(name_of(message), sender, account_of(message), verdict=verdict, date="another")

    @rule(sender=people)
    def the_store_refuses_one(self, sender: str) -> None:
        refused = self.send(self.new_name(), sender, "support", body="NUL \0")
        self.scene.waiting[-1] = refused.model_dump_json().encode()

    @rule(days=st.sampled_from([8, 15]))
    def days_pass(self, days: int) -> None:
        self.minutes += days * DAY

    @rule(batches=st.lists(sizes, max_size=4))
    def the_worker_routes(self, batches: list[int]) -> None:
        self.act(self.scene.route(*batches))

    def act(self, work: Any) -> None:
        self.scene.run(work)
        self.dirty = True

    @invariant()
    def everything_is_where_it_may_be(self) -> None:
        if self.dirty:
            self.scene.run(self.scene.check())
            self.dirty = False

    def teardown(self) -> None:
        """Route what still waits, and compare."""
        self.the_worker_routes([])
        self.everything_is_where_it_may_be()
        self.compare()

    def compare(self) -> None:
        paper = PaperRouter(self.scene.policies)
        paper.route(*self.scene.readable())
        assert self.scene.run(self.scene.groups()) == paper.groups()


class Bustle(Correspondence):
    """The same mail with two workers at once, and operators who close, reopen, link and open."""

    @rule(batch_size=sizes, opened=st.none() | picks)
    def two_workers_route(self, batch_size: int, opened: int | None) -> None:
        self.act(self.scene.route_twofold(batch_size, opened=opened))

    @rule(pick=picks, status=st.sampled_from(Status))
    def an_operator_closes_or_reopens(self, pick: int, status: Status) -> None:
        self.act(self.scene.turn(pick, status, minutes=self.minutes))

    @rule(pick=picks, onto=picks)
    def an_operator_links(self, pick: int, onto: int) -> None:
        self.act(self.scene.link(pick, onto))

    @rule(pick=picks)
    def an_operator_opens(self, pick: int) -> None:
        self.act(self.scene.open(pick))

    def compare(self) -> None:
        """Compare nothing: what operators do, and who of two workers is first, stands on no paper."""


class NewScene:
    """Sets a scene for every example."""

    def __init__(self, lab: Lab, runner: asyncio.Runner) -> None:
        self._lab = lab
        self._runner = runner
        self._numbers = count()

    def __call__(self, policies: Policies) -> Scene:
        return Scene(self._lab, self._runner, next(self._numbers), policies)


def placed_in(machine: type[Correspondence], new_scene: NewScene) -> type[Correspondence]:
    """Give the machine as a class that hypothesis can make without arguments."""
    return type(machine.__name__, (machine,), {"new_scene": new_scene})


@contextmanager
def scenes(database: str) -> Iterator[NewScene]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        try:
            yield NewScene(runner.run(stack.enter_async_context(open_lab(database))), runner)
        finally:
            runner.run(stack.aclose())


STEPS = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,  # a step waits for a real database
    suppress_health_check=[HealthCheck.too_slow],  # the same: its rounds count as time of making data
)


def test_one_worker_ends_as_one_message_at_a_time_on_paper_step_by_step(database: str) -> None:
    with scenes(database) as new_scene:
        run_state_machine_as_test(placed_in(Correspondence, new_scene), settings=STEPS)


def test_two_workers_and_operators_mix_nobody_and_lose_nothing_step_by_step(database: str) -> None:
    with scenes(database) as new_scene:
        run_state_machine_as_test(placed_in(Bustle, new_scene), settings=STEPS)
