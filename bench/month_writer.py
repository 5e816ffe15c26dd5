"""What every mail of the simulated month is made from: who writes, in which talk, with which headers."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Final

from bench.month_mails import Draft, answers, body, new_id, thread_lines
from bench.month_people import DESK, KEEPS_ADDRESS, REPLY, Client, Customer, Ours, Talk, customers, subject_of
from bench.month_score import Know, Sent, Want

REOPEN: Final = timedelta(days=14)


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """In what an answer differs from what its writer's program does by itself."""

    sender: str = ""
    subject: str = ""
    cc: Sequence[str] = ()
    footer: str = ""
    foreign: Sequence[str] = ()
    headers: Sequence[str] = ()
    want: Want | None = None


NOTHING: Final = Odd()


class Writer:
    """Keeps the talks. Those that got an answer of ours are in `answered`; the desk tells of it by `said`."""

    def __init__(self, *, seed: int, people: int, start: datetime) -> None:
        self.random = Random(f"month/{seed}/{people}")
        self.start = start
        self.customers = customers(people, self.random)
        self.answered: deque[Talk] = deque(maxlen=6000)
        self.open: deque[Talk] = deque(maxlen=2000)
        self.shut: deque[Talk] = deque(maxlen=20000)
        self._old: deque[Talk] = deque(maxlen=2000)
        self._last: deque[Sent] = deque(maxlen=300)
        self._ids: deque[str] = deque(maxlen=3000)
        self._newsletter = f"news.{self.random.getrandbits(40):x}@newsletter.example"

    def _verdict(self, customer: Customer) -> str:
        """Let most pass of those who sign; some checks cannot be made, and a forwarder breaks a few."""
        if self.random.random() < 0.004:
            return "fail"
        if self.random.random() < 0.02:
            return "temperror"
        return "pass" if customer.proven and self.random.random() < 0.98 else "none"

    def _customer(self) -> Customer:
        return self.random.choice(self.customers)

    def _sent(self, category: str, draft: Draft, know: Know, verdict: str) -> Sent:
        return Sent(
            category=category,
            raw=draft.bytes(),
            mail_from=draft.sender if know.mail_from is None else know.mail_from,
            rcpt_to=draft.to,
            at=draft.at,
            verdict=verdict,
            know=know,
        )

    def _new(self, category: str, at: datetime, subject: str = "", message_id: str = "") -> Sent:
        customer = self._customer()
        talk = Talk(customer=customer, subject=subject or subject_of(self.random))
        own = message_id or new_id(customer, self.random)
        talk.ids.append(own)
        if self.random.random() < 0.12:
            talk.members.append(customer.other("colleague"))
        draft = Draft(
            sender=customer.address, to=DESK, cc=talk.members, subject=talk.subject, message_id=own, at=at,
            text=body(customer, self.random), headers=thread_lines(customer, self.random),
        )  # fmt: skip
        self.open.append(talk)
        self._ids.append(own)
        know = Know(want=Want.NEW, talk=talk, author=customer.number)
        return self._sent(category, draft, know, self._verdict(customer))

    def _talk(self) -> tuple[Talk, Ours] | None:
        """Give a talk that got an answer of ours, mostly one of the last days."""
        for _ in range(6):
            if not self.answered:
                return None
            back = min(len(self.answered), 1 + int(self.random.expovariate(1 / 900)))
            talk = self.answered[-back]
            if talk.ticket is not None and talk.ours:
                return talk, talk.ours[-1]
        return None

    def _want(self, talk: Talk, at: datetime) -> Want:
        return Want.AFTER if talk.closed_at is not None and at - talk.closed_at > REOPEN else Want.ON

    def _reply(self, category: str, talk: Talk, ours: Ours, at: datetime, odd: Odd = NOTHING) -> Sent:
        customer, random = talk.customer, self.random
        parent, chain, names = answers(talk, ours, random)
        kept = random.random() < KEEPS_ADDRESS.get(customer.client, 0.97)
        verdict, own = self._verdict(customer), new_id(customer, random)
        want = odd.want or self._want(talk, at)
        draft = Draft(
            sender=odd.sender or customer.address,
            to=ours.reply_address if kept else DESK,
            cc=odd.cc,
            subject=odd.subject or self._answer_subject(customer, ours),
            message_id=own,
            at=at,
            text=body(customer, random, quoted=ours.subject) + odd.footer,
            in_reply_to=parent,
            references=[*odd.foreign, *chain],
            headers=[*thread_lines(customer, random), *odd.headers],
        )
        if want is Want.ON:
            talk.ids.append(own)
            self._ids.append(own)
        intact = names and verdict != "fail" and want is Want.ON
        return self._sent(category, draft, Know(want=want, talk=talk, author=customer.number, intact=intact), verdict)

    def _answer_subject(self, customer: Customer, ours: Ours) -> str:
        bare = ours.subject.removeprefix("Re: ")
        if customer.client is Client.DESK:
            return f"[Ticket#{self.random.randrange(10**8)}] Re: {bare}"
        if customer.client is Client.POOR and self.random.random() < 0.3:
            return ours.subject
        if self.random.random() < 0.03:
            return f"[EXTERNAL] {self.random.choice(REPLY)}{bare}"
        return f"{self.random.choice(REPLY)}{bare}"

    def said(self, talk: Talk, ours: Ours) -> None:
        """Hear of a mail of ours; some ways to the reader give it another id."""
        wire = ours.shown
        if talk.customer.client is Client.REWRITTEN:
            wire = f"0100{self.random.getrandbits(96):024x}-000000@eu-west-1.amazonses.example"
        talk.ours.append(replace(ours, wire_id=wire))
        self.answered.append(talk)
