"""What became of each mail, against the truth that its maker knows."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from bench.month_people import Talk
from bench.report import table


class Want(StrEnum):
    """What is right for a mail."""

    ON = "on the talk's ticket"
    NEW = "a ticket of its own"
    AFTER = "a ticket that follows the talk's"
    SHOWN = "on the talk's ticket, or held with it suggested"
    APART = "a ticket of its own, or held"
    REPORT = "noted at our mail"
    REPEAT = "counted as a duplicate"


class End(StrEnum):
    """What became of a mail, seen against the truth."""

    TRUE = "true"
    SHOWN = "held, shown"
    BLIND = "held, not shown"
    OPENED = "wrongly new"
    LOST = "wrongly a duplicate, or none"
    OTHER = "other ticket of the same customer"
    STOLEN = "forged with a stolen id, unproven domain"
    WRONG = "WRONG CUSTOMER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Know:
    """What its maker knows of a mail. `author` is the customer who wrote it; None: an attacker, or nobody.

    `intact`: by a participant, with a reply header that names the thread, and no failed check. `answered` is the mail
    of ours that a bounce is about. `stolen`: forged, with an id that only readers know, and no check speaks against it.
    """

    want: Want
    talk: Talk | None = None
    author: int | None = None
    intact: bool = False
    answered: int | None = None
    stolen: bool = False
    mail_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A mail as it comes to the door, with the outcome of its sender's check."""

    category: str
    raw: bytes
    mail_from: str
    rcpt_to: str
    at: datetime
    verdict: str
    know: Know


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the store says of a mail."""

    message_id: int
    state: str
    ticket: int | None
    number: str
    rule: str
    outcome: str
    continues: str
    reported: int | None
    explanation: str
    suggested: tuple[str, ...] = ()


ENOUGH_TRUE: Final = 0.97
ENOUGH_SHOWN: Final = 0.995
FEW_HELD: Final = 0.005


@dataclass(kw_only=True)
class Score:
    """Counts. `owners` gives the talk of every ticket; `examples` a few mails of each thing that went wrong."""

    owners: dict[int, Talk] = field(default_factory=dict)
    by_category: dict[str, Counter[End]] = field(default_factory=dict)
    by_rule: dict[str, Counter[End]] = field(default_factory=dict)
    intact: int = 0
    intact_held: int = 0
    examples: list[tuple[End, Sent, Found | None]] = field(default_factory=list)

    def add(self, sent: Sent, found: Found | None) -> None:
        """Judge one mail, and take what its ticket is from now on. None: the router counted it as a duplicate."""
        end, held = self._judge(sent, found), found is not None and found.state == "held"
        self.by_category.setdefault(sent.category, Counter())[end] += 1
        placed = "duplicate" if found is None else f"{found.outcome} by {found.rule}"
        self.by_rule.setdefault(placed, Counter())[end] += 1
        self.intact += sent.know.intact
        self.intact_held += sent.know.intact and held
        if end not in (End.TRUE, End.SHOWN) or (sent.know.intact and held):
            self.examples.append((end, sent, found))

    def totals(self) -> Counter[End]:
        """Count every mail by its end."""
        return sum(self.by_category.values(), Counter())

    def _judge(self, sent: Sent, found: Found | None) -> End:
        know = sent.know
        if found is None or know.want is Want.REPEAT:
            return End.TRUE if found is None and know.want is Want.REPEAT else End.LOST
        if found.state == "held":
            return _held(know, found)
        if know.want is Want.REPORT:
            return End.TRUE if found.reported == know.answered and found.state == "noted" else End.BLIND
        if found.outcome == "opened" and found.ticket is not None:
            return self._opened(know, found, found.ticket)
        return self._joined(know, found)

    def _opened(self, know: Know, found: Found, ticket: int) -> End:
        talk = know.talk
        follows = talk is not None and bool(talk.number) and found.continues == talk.number
        if know.want not in (Want.NEW, Want.APART) and not (know.want is Want.AFTER and follows):
            if talk is not None and know.author == talk.customer.number:
                self.owners[ticket] = talk  # opened wrongly, but by nobody else: what joins it is told by its writer
            return End.OPENED
        if talk is not None and know.author == talk.customer.number:
            talk.ticket, talk.number, talk.closed_at = ticket, found.number, None
            self.owners[ticket] = talk
        return End.TRUE

    def _joined(self, know: Know, found: Found) -> End:
        if found.ticket is None:
            return End.BLIND
        if know.want in (Want.ON, Want.SHOWN) and know.talk is not None and found.ticket == know.talk.ticket:
            return End.TRUE
        if know.stolen and know.talk is not None and found.ticket == know.talk.ticket:
            return End.STOLEN
        owner = self.owners.get(found.ticket)
        return End.OTHER if owner is not None and know.author == owner.customer.number else End.WRONG

    def verdicts(self) -> list[tuple[str, str, bool]]:
        """Give every target: what, the figure, and whether it was met."""
        ends = self.totals()
        whole = ends.total() or 1
        true, shown = ends[End.TRUE] / whole, (ends[End.TRUE] + ends[End.SHOWN]) / whole
        held = self.intact_held / (self.intact or 1)
        return [
            ("on a wrong customer's ticket: 0", str(ends[End.WRONG]), ends[End.WRONG] == 0),
            (f"on the true ticket: at least {ENOUGH_TRUE:.1%}", f"{true:.3%}", true >= ENOUGH_TRUE),
            (f"on it, or held with it shown: at least {ENOUGH_SHOWN:.1%}", f"{shown:.3%}", shown >= ENOUGH_SHOWN),
            (f"intact answers of participants held: at most {FEW_HELD:.1%}", f"{held:.3%}", held <= FEW_HELD),
        ]


def _held(know: Know, found: Found) -> End:
    if know.want is Want.APART:
        return End.TRUE
    number = know.talk.number if know.talk is not None else ""
    return End.SHOWN if number and number in found.suggested[:3] else End.BLIND


def report(score: Score) -> str:
    """Give the tables. Where a ticket of its own and being held are both right, either counts as the true one."""
    targets = [[what, figure, "met" if met else "MISSED"] for what, figure, met in score.verdicts()]
    return "\n\n".join([
        table(["target", "figure", ""], targets),
        _counts("mails of", score.by_category),
        _counts("placed", score.by_rule),
    ])  # fmt: skip


def _counts(title: str, counts: dict[str, Counter[End]]) -> str:
    ends = list(End)
    rows = [
        [name, f"{found.total():,}", *(f"{found[end]:,}" if found[end] else "" for end in ends)]
        for name, found in [*sorted(counts.items()), ("all", sum(counts.values(), Counter()))]
    ]
    return table([title, "all", *ends], rows)
