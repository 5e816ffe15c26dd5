"""Properties of what we sign: whoever writes with whatever token, nobody gets onto, or hears of, another's ticket."""

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from paper_router import PaperRouter
from routing_lab import OWN_ADDRESS, mail

from router.policy import AccountPolicy, Otherwise, Policies, SenderMatch, Staff, Strangers
from schemas.placement import SPAM, Author, Rule, Visibility

RUI = "rui@work.example"
OWNER = "owner"
"""Stands for the requester of the ticket whose token is used."""
DAEMON = "mailer-daemon@mx.example"
PEOPLE = ["ana@a.example", "bob@b.example", "eve@e.example", RUI, DAEMON]
PLACES = ["own_id", "loop", "recipient", "delivered_to", "to", "cc", "in_reply_to", "references", "report", "body"]
SIGNED = {Rule.REPLY_TOKEN, Rule.SIGNED_ID, Rule.BODY_TOKEN, Rule.LOOP, Rule.REPORT}

choices = st.builds(
    AccountPolicy,
    strangers=st.sampled_from(Strangers),
    sender_match=st.sampled_from(SenderMatch),
    unmatched=st.sampled_from(Otherwise),
)
MOST_USED = 15
"""Picks of a token that are used, of twenty."""

picks = st.integers(min_value=0, max_value=20)
written = st.fixed_dictionaries(
    {
        "sender": st.sampled_from([*PEOPLE, RUI, *[OWNER] * 5]),
        "answers": st.sampled_from([*range(6), *[99] * 6]),
        "subject": st.sampled_from([*["Printer"] * 6, "", "Scanner"]),
        "cc": st.lists(st.sampled_from(PEOPLE[:3]), max_size=2),
        "verdict": st.sampled_from(["none", *["pass"] * 4, "fail"]),
        "automatic": st.sampled_from([*["no"] * 6, "auto_reply", "bounce"]),
        "prefix": st.sampled_from([None, *["reply"] * 6, "forward"]),
        "account": st.sampled_from(["support", "sales"]),
        "token": st.tuples(st.sampled_from(PLACES), picks, st.sampled_from([False, False, False, True])),
        "reports": st.sampled_from([False, False, False, True]),
    }
)
steps = st.one_of(
    written,
    written,
    written,
    st.tuples(st.just("say"), picks, st.sampled_from(["public", "internal"]), st.sampled_from(PEOPLE)),
    st.tuples(st.just("merge"), picks, picks, st.just("")),
    st.tuples(st.just("close"), picks, st.sampled_from(["closed", SPAM]), st.just("")),
)


@dataclass(slots=True)
class Signed:
    """A token of ours: on which ticket its message stands, and whether customers are shown it."""

    text: str
    ticket: int
    internal: bool


class Story:
    """Plays steps on paper."""

    def __init__(self, policy: AccountPolicy) -> None:
        staff = Staff(addresses=frozenset({RUI}))
        self.paper = PaperRouter(
            Policies(own_addresses=frozenset({OWN_ADDRESS}), staff=staff, default=policy, senders={"sales": "x@y.z"})
        )
        self.names: list[str] = []
        self.tokens: list[Signed] = []
        self.forged: set[str] = set()
        for sender in PEOPLE[:2]:
            self.names.append(sender)
            self.paper.route(mail(sender, sender, scope="one", verdict="pass"))
        for step in (("say", 0, "public", PEOPLE[0]), ("say", 1, "public", PEOPLE[1]), ("say", 0, "internal", RUI)):
            self.play(step)

    def play(self, step: Any) -> None:
        if isinstance(step, dict):
            self._write(**step)
        elif tickets := [name for name in self.names if self.paper.placed(name).ticket is not None]:
            kind, pick, how, whom = step
            self._act(kind, tickets[pick % len(tickets)], tickets, how, whom)

    def _act(self, kind: str, name: str, tickets: list[str], how: Any, whom: str) -> None:
        if kind == "say":
            text = self.paper.say(name, to=[whom], visibility=Visibility(how))
            self.tokens.append(Signed(text, self.paper.ticket(name).id, how == "internal"))
        elif kind == "close":
            self.paper.close(name).status = how
        elif self.paper.ticket(name) is not self.paper.ticket(tickets[how % len(tickets)]):
            self.paper.merge(name, into=tickets[how % len(tickets)])

    def _write(self, *, sender: str, answers: int, token: tuple[str, int, bool], reports: bool, **more: Any) -> None:
        name = f"m{len(self.names)}"
        place, pick, is_changed = token
        tokens = []
        used = self.tokens[pick % len(self.tokens)]
        if sender == OWNER:
            sender = self.paper.view.tickets[used.ticket].requester_party.address
        if pick < MOST_USED:
            text = used.text
            tokens = [(place, text if not is_changed else text[:-1] + ("a" if text[-1] != "a" else "b"))]
            if is_changed:
                self.forged.add(name)
        answered = self.names[answers] if answers < len(self.names) else ""
        report = {"recipient": more["cc"][0] if more["cc"] else ""} if reports else None
        self.names.append(name)
        self.paper.route(mail(name, sender, scope="one", answers=answered, tokens=tokens, report=report, **more))

    def check(self) -> None:
        for name in self.names:
            self._check_place(name)
        self._check_sends()
        events = Counter(row.ticket_id for row in self.paper.placer.outbox)
        assert all(events[ticket.id] == ticket.version for ticket in self.paper.view.tickets.values())

    def _check_place(self, name: str) -> None:
        placed = self.paper.placed(name)
        message, ticket = placed.message, placed.ticket
        if name in self.forged:
            assert placed.decision.rule not in SIGNED
            assert placed.decision.rule is not Rule.STAFF or placed.decision.outcome != "joined"
        if ticket is None:
            return
        if placed.visibility is not Visibility.UNVERIFIED and placed.author is Author.CUSTOMER:
            assert message.sender in ticket.members, "a stranger stands on a ticket, and not as one"
            assert not message.staff
        if placed.author is Author.AGENT:
            assert message.message.verdict.result == "pass"
            assert message.staff

    def _check_sends(self) -> None:
        sendings = self.paper.placer.sendings
        internal = {row.id for row in sendings.messages if row.visibility != "public"}
        assert not internal
        for send in sendings.sends:
            members = {address.lower() for address in self.paper.view.tickets[send.ticket_id or 0].members.values()}
            assert {recipient["address"].lower() for recipient in json.loads(send.recipients)} <= members


@given(policy=choices, played=st.lists(steps, min_size=8, max_size=25))
def test_no_token_leads_anybody_to_where_they_take_no_part(policy: AccountPolicy, played: list[Any]) -> None:
    story = Story(policy)
    for step in played:
        story.play(step)
    story.check()


@given(policy=choices, played=st.lists(steps, min_size=8, max_size=25))
def test_only_a_true_token_changes_how_far_a_message_of_ours_has_come(policy: AccountPolicy, played: list[Any]) -> None:
    story = Story(policy)
    for step in played:
        before = {key: row.recipients for key, row in story.paper.view.sent.items()}
        story.play(step)
        after = {key: row.recipients for key, row in story.paper.view.sent.items() if key in before}
        if before != after:
            decision = story.paper.placed(story.names[-1]).decision
            assert (decision.rule, decision.outcome) == (Rule.REPORT, "noted")
            assert story.names[-1] not in story.forged
