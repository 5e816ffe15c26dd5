"""The simulated month itself: who writes what and when, and the truth of each mail. It knows no rule of ours."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypedDict, Unpack

from bench.month_mails import Draft, body, bounce, new_id, old_id
from bench.month_people import COMMON, DESK, FORWARD, REPLY, Customer, Talk, subject_of
from bench.month_score import Know, Sent, Want
from bench.month_writer import Odd, Writer

CUT_OVER: Final = timedelta(days=7)
"""From the beginning of the month."""

SHARES: Final = {
    "new request": 23, "same subject as others": 5, "follow-up of one's own mail": 5, "answer": 38,
    "answer of somebody in Cc": 3, "new subject on an old thread": 1, "forward to us": 1,
    "colleague to whom it was forwarded": 0.3, "customer from another address": 0.3, "vacation": 4, "bounce": 2,
    "answer with a list's footer": 0.6, "old desk": 4, "forged From": 2, "foreign ids quoted": 2,
    "reused Message-ID": 1, "broadcast": 3, "retry": 1, "answer after weeks": 2.5, "new mail, same subject": 1,
}  # fmt: skip


class Said(TypedDict, total=False):
    """What a plain mail says otherwise than its talk would."""

    subject: str
    text: str
    in_reply_to: str
    references: Sequence[str]


class World(Writer):
    """Makes mails: the talks of a month, and the truth of each mail."""

    def __init__(self, *, seed: int, people: int, start: datetime) -> None:
        super().__init__(seed=seed, people=people, start=start)
        self._makers: dict[str, Callable[[datetime], Sent | None]] = {
            "same subject as others": self._common, "follow-up of one's own mail": self._follow_up,
            "answer": self._answer, "answer of somebody in Cc": self._copied,
            "new subject on an old thread": self._new_subject, "forward to us": self._forward,
            "colleague to whom it was forwarded": self._colleague, "customer from another address": self._elsewhere,
            "vacation": self._vacation, "bounce": self._bounce, "answer with a list's footer": self._footer,
            "old desk": self._old_desk, "forged From": self._forged, "foreign ids quoted": self._foreign,
            "reused Message-ID": self._reused, "broadcast": self._broadcast, "retry": self._retry,
            "answer after weeks": self._late, "new mail, same subject": self._again,
        }  # fmt: skip

    def mails(self, count: int, begin: datetime, end: datetime) -> list[Sent]:
        """Give the next mails, in order of arrival."""
        names, weights = list(SHARES), list(SHARES.values())
        step = (end - begin) / count
        found = []
        for index, name in enumerate(self.random.choices(names, weights, k=count)):
            at = begin + step * index
            made = self._makers[name](at) if name in self._makers else None
            found.append(made or self._new("new request", at))
            self._last.append(found[-1])
        return found

    def _common(self, at: datetime) -> Sent:
        return self._new("same subject as others", at, subject=self.random.choice(COMMON))

    def _reused(self, at: datetime) -> Sent:
        """Let a program give several mails one id: somebody else's or, mostly, its own of before."""
        taken = self.random.choice(self._ids) if self._ids and self.random.random() < 0.3 else ""
        made = self._new("reused Message-ID", at, message_id=taken or f"st.{self.random.randrange(40)}@device.example")
        self.open.pop()
        return made

    def _answer(self, at: datetime) -> Sent | None:
        found = self._talk()
        return self._reply(f"answer, {found[0].customer.client}", *found, at) if found else None

    def _plain(self, category: str, talk: Talk, at: datetime, know: Know, **more: Unpack[Said]) -> Sent:
        """Write a mail of the talk's customer to the desk's own address."""
        customer = talk.customer
        own = new_id(customer, self.random)
        draft = Draft(
            sender=customer.address,
            to=DESK,
            message_id=own,
            at=at,
            subject=more.get("subject", talk.subject),
            text=more.get("text", body(customer, self.random)),
            in_reply_to=more.get("in_reply_to", ""),
            references=more.get("references", ()),
        )
        if know.want is Want.ON or (know.want is Want.NEW and talk.ids):
            talk.ids.append(own)
        verdict = self._verdict(customer)
        return self._sent(category, draft, replace(know, intact=know.intact and verdict != "fail"), verdict)

    def _know(self, want: Want, talk: Talk, *, intact: bool = False) -> Know:
        return Know(want=want, talk=talk, author=talk.customer.number, intact=intact)

    def _somebody(self) -> Talk:
        return Talk(customer=self._customer(), subject=subject_of(self.random))

    def _follow_up(self, at: datetime) -> Sent | None:
        """Answer one's own mail, before or after ours."""
        talk = self.random.choice(self.open) if self.open else None
        if talk is None or talk.ticket is None or self._want(talk, at) is not Want.ON:
            return None
        know, subject = self._know(Want.ON, talk, intact=True), f"{self.random.choice(REPLY)}{talk.subject}"
        ids = list(talk.ids)
        return self._plain(
            "follow-up of one's own mail", talk, at, know, subject=subject, in_reply_to=ids[-1], references=ids[-5:]
        )

    def _again(self, at: datetime) -> Sent | None:
        """Write anew about the same matter: no header joins it, only sender and subject (and proof) can."""
        found = self._talk()
        if not found or self._want(found[0], at) is not Want.ON:
            return None
        know = self._know(Want.SHOWN, found[0])
        return self._plain("new mail, same subject", found[0], at, know, subject=f"Re: {found[0].subject}")

    def _copied(self, at: datetime) -> Sent | None:
        for _ in range(12):
            found = self._talk()
            if found and found[0].members:
                odd = Odd(sender=found[0].members[0], cc=(found[0].customer.address,))
                return self._reply("answer of somebody in Cc", *found, at, odd)
        return None

    def _new_subject(self, at: datetime) -> Sent | None:
        found = self._talk()
        if not found:
            return None
        fresh = Talk(customer=found[0].customer, subject=subject_of(self.random), ids=list(found[0].ids))
        odd = Odd(subject=fresh.subject, want=Want.NEW)
        return self._reply("new subject on an old thread", fresh, found[1], at, odd)

    def _forward(self, at: datetime) -> Sent:
        talk = self._somebody()
        text = "See below.\n\n---------- Forwarded message ---------\nFrom: Sup <s@sup.example>\nSubject: x\n\nText"
        subject, parent = f"{self.random.choice(FORWARD)}{talk.subject}", f"{self.random.getrandbits(64):x}@sup.example"
        know = self._know(Want.NEW, talk)
        return self._plain("forward to us", talk, at, know, subject=subject, text=text, in_reply_to=parent)

    def _colleague(self, at: datetime) -> Sent | None:
        return self._stranger("colleague to whom it was forwarded", at, lambda who: who.other("boss"))

    def _elsewhere(self, at: datetime) -> Sent | None:
        return self._stranger("customer from another address", at, lambda who: f"c{who.number:05d}@private.example")

    def _stranger(self, category: str, at: datetime, address: Callable[[Customer], str]) -> Sent | None:
        found = self._talk()
        if not found:
            return None
        return self._reply(category, *found, at, Odd(sender=address(found[0].customer), want=Want.SHOWN))

    def _vacation(self, at: datetime) -> Sent | None:
        found = self._talk()
        if not found:
            return None
        subject = self.random.choice(("Automatic reply: ", "Out of office: ", "Автоответ: ")) + found[1].subject
        lines = ("Auto-Submitted: auto-replied", "X-Auto-Response-Suppress: All")
        return self._reply("vacation", *found, at, Odd(subject=subject, headers=lines, want=Want.ON))

    def _bounce(self, at: datetime) -> Sent | None:
        found = self._talk()
        if not found:
            return None
        know = Know(want=Want.REPORT, talk=found[0], answered=found[1].message_id, mail_from="")
        return self._sent("bounce", bounce(*found, at, self.random), know, "none")

    def _footer(self, at: datetime) -> Sent | None:
        found = self._talk()
        if not found:
            return None
        lines = ("List-Id: <team.lists.example>", "Precedence: list")
        footer = "\n_______________________________________________\nteam mailing list\nhttps://lists.example/team"
        odd = Odd(subject=f"[team] Re: {found[1].subject.removeprefix('Re: ')}", headers=lines, footer=footer)
        return self._reply("answer with a list's footer", *found, at, odd)

    def _old_desk(self, at: datetime) -> Sent | None:
        """Answer the desk that was used before: the first mail goes on in a new ticket, the next ones there."""
        if at - self.start < CUT_OVER:
            return None
        talk = self.random.choice(self._old) if self._old and self.random.random() < 0.4 else None
        if talk is not None and (talk.ticket is None or self._want(talk, at) is not Want.ON):
            talk = None
        want = Want.NEW if talk is None else Want.ON
        if talk is None:
            talk = self._somebody()
            talk.ids.append(old_id(self.random))
            self._old.append(talk)
        know, ids = self._know(want, talk, intact=want is Want.ON), talk.ids[:4]
        return self._plain(
            "old desk", talk, at, know, subject=f"Re: {talk.subject}", in_reply_to=ids[0], references=ids
        )

    def _forged(self, at: datetime) -> Sent | None:
        found = self._talk()
        if not found:
            return None
        talk, ours = found
        knows, verdict = self.random.random() < 0.15, "fail" if self.random.random() < 0.6 else "none"
        if knows and talk.customer.proven:
            verdict = "fail"
        answer = knows or self.random.random() < 0.7
        draft = Draft(
            sender=talk.customer.address,
            to=DESK,
            at=at,
            message_id=f"{self.random.getrandbits(64):x}@evil.example",
            subject=f"Re: {talk.subject}" if answer else subject_of(self.random),
            text="Send me the contract.",
            in_reply_to=ours.shown if knows else "",
        )
        stolen = knows and verdict != "fail"
        know = Know(want=Want.APART, talk=talk, stolen=stolen, mail_from="x@evil.example")
        return self._sent("forged From", draft, know, verdict)

    def _foreign(self, at: datetime) -> Sent | None:
        """Name other customers' mails in one's own: in a new request, or before the right ones."""
        found, other = self._talk(), self._talk()
        if not found or not other or not self._ids:
            return None
        alien = (self.random.choice(self._ids), found[1].shown)
        if self.random.random() < 0.5:
            return self._reply("foreign ids quoted", *other, at, Odd(foreign=alien))
        talk = self._somebody()
        know = self._know(Want.APART, talk)
        return self._plain("foreign ids quoted", talk, at, know, subject=f"Re: {talk.subject}", references=alien)

    def _broadcast(self, at: datetime) -> Sent:
        """Answer a newsletter as five hundred others do; then comes the next."""
        if self.random.random() < 1 / 500:
            self._newsletter = f"news.{self.random.getrandbits(40):x}@newsletter.example"
        talk = Talk(customer=self._customer(), subject="Our spring offers")
        know, named = self._know(Want.APART, talk), self._newsletter
        subject = f"{self.random.choice(REPLY)}{talk.subject}"
        return self._plain("broadcast", talk, at, know, subject=subject, in_reply_to=named, references=[named])

    def _retry(self, _at: datetime) -> Sent | None:
        first = self.random.choice(self._last) if self._last else None
        return None if first is None else replace(first, category="retry", know=Know(want=Want.REPEAT))

    def _late(self, at: datetime) -> Sent | None:
        """Answer what was closed weeks ago."""
        while self.shut:
            talk = self.shut[0]
            if talk.closed_at is None or talk.ticket is None or not talk.ours:
                self.shut.popleft()
            elif self._want(talk, at) is Want.AFTER:
                return self._reply("answer after weeks", self.shut.popleft(), talk.ours[-1], at)
            else:
                return None
        return None
