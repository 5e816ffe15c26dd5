"""Old desks for tests: one that was left at the cut-over of ptisp, one that ran beside ours like pixlpark's portal."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from paper_router import PaperRouter
from routing_lab import OWN_ADDRESS, START, mail

from router.incoming import receive
from router.legacy_desk import LegacyDesk, LegacyPolicy, NumberPattern
from router.policy import AccountPolicy, Policies
from schemas.legacy import OldIdRow, OldTicketRow
from schemas.message import InboundMessage
from schemas.placement import address_key

ANA, BOB, EVE = "ana@a.example", "bob@b.example", "eve@e.example"
TAG = "[Ticket#42]"

OTRS = LegacyDesk(
    name="otrs",
    cutover_at=START,
    id_domains=frozenset({"otrs.example"}),
    id_patterns=(NumberPattern(r"^(?P<number>\d+)\."),),
    subject_patterns=(NumberPattern(r"\[Ticket#\s*(?P<number>[\w-]+)\]"),),
    addresses=frozenset({"help@otrs.example"}),
    url="https://otrs.example/zoom/{number}",
)
PORTAL = LegacyDesk(
    name="portal",
    cutover_at=datetime(2023, 12, 1, tzinfo=UTC),
    parallel_until=datetime(2024, 1, 8, tzinfo=UTC),
    subject_patterns=(NumberPattern(r"#(?P<number>\d{1,10})\b"),),
    forward_to="in@portal.example",
    policy=LegacyPolicy.FORWARD,
)


def policies(*desks: LegacyDesk, **account: Any) -> Policies:
    return Policies(own_addresses=frozenset({OWN_ADDRESS}), default=AccountPolicy(**account), legacy=desks or (OTRS,))


def opening(**account: Any) -> Policies:
    return policies(replace(OTRS, policy=LegacyPolicy.OPEN), **account)


def about(name: str, sender: str = ANA, *, subject: str = f"Re: {TAG} Printer", **more: Any) -> InboundMessage:
    """A proven mail whose subject names an old ticket, unless it says otherwise."""
    return mail(name, sender, **{"subject": subject, "prefix": "reply", "verdict": "pass", **more})


class LegacyPaper(PaperRouter):
    """A router on paper with an export; marks are read as the store would give them."""

    def known(self, number: str, *, requester: str | None = None, ids: tuple[str, ...] = (), **more: Any) -> None:
        key = address_key("mail", "", requester) if requester else None
        row = OldTicketRow(1, "otrs", number, key, "", None, None, "")._replace(**more)
        self.view.old.add([row])
        digests = [quote.key[1] for one in ids for quote in self._incoming(mail(None, answers=one)).quoted]
        self.view.old.add_ids(OldIdRow(digest, "otrs", number) for digest in digests)

    def _incoming(self, message: InboundMessage) -> Any:
        return receive(message, message_id=0, policies=self.policies)

    def bind(self, number: str, name: str, *, by: str = "ola") -> None:
        """A person says that an old ticket goes on where this message is."""
        self.choose(number, self.ticket(name).id, by=by)

    def choose(self, number: str, ticket_id: int | None, *, by: str = "ola") -> None:
        self.view.old.bind(("otrs", number), ticket_id, by=by, at=START)

    def link(self, name: str, to: str) -> None:
        """A person puts a sender on a ticket."""
        found = self.placed(name)
        self.placer.admit(self.ticket(to), found.message)

    def sent_on(self) -> dict[str, str]:
        names = {placed.message.id: placed.message.message.text.content for placed in self.placer.placed.values()}
        return {names[row.message_id].removeprefix("text of "): row.recipients for row in self.placer.sendings.sends}

    def bound(self) -> dict[str, str]:
        """Old numbers, and who chose where they go on."""
        return {row.number: row.chosen_by for row in self.view.old.bound.values()}


def minutes_after(moment: datetime) -> float:
    """Minutes from the lab's start to a moment."""
    return (moment - START) / timedelta(minutes=1)
