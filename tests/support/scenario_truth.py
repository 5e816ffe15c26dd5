"""What must hold after every scenario: nobody's words stand on a ticket of people who did not let them in.

The scenario knows who really wrote each mail (`really`, else `from`); the store does not. So this is checked apart from
the router's own idea of participants:

1. a customer's message that is shown as one was really written by the ticket's requester, or by somebody who was let in
   by the requester's mail, an agent, or an operator;
2. only their addresses take part;
3. what we send goes to them alone, and holds nothing that customers are not shown;
4. every delivery has exactly one end, with its very bytes and its envelope; a message waits exactly while it is held;
5. events leave nothing out, and what a ticket counts is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from scenario_desk import Office
from scenario_rows import Row, Rows

from schemas.message import InboundMessage

BY_HAND: Final = ("operator", "proof")
"""Rules by which somebody was let in whom no message named: a person said so, or gave a proof out."""


@dataclass(kw_only=True)
class LetIn:
    """Who may write on a ticket and read it, in public and inside."""

    public: set[str] = field(default_factory=set)
    inside: set[str] = field(default_factory=set)


class Truth:
    """Knows who really wrote what."""

    def __init__(self, rows: Rows, office: Office, people: Mapping[str, str]) -> None:
        self._rows = rows
        self._office = office
        self._people = people
        self._writers: dict[str, str] = {}
        self._raws: dict[str, str] = {}
        self._deliveries: list[tuple[str, str]] = []

    def taken(self, name: str, raw: bytes, messages: Sequence[InboundMessage], writer: str) -> None:
        """Remember who wrote what came, and its bytes."""
        for message in messages:
            self._raws.setdefault(message.delivery_key, sha256(raw).hexdigest())
            self._writers.setdefault(message.delivery_key, writer)
            self._deliveries.append((name, message.delivery_key))

    def heard(self, name: str, message: InboundMessage) -> None:
        """Remember who wrote a chat message: its platform knows."""
        self._raws.setdefault(message.delivery_key, message.raw.sha256)
        self._writers.setdefault(message.delivery_key, message.sender.address)
        self._deliveries.append((name, message.delivery_key))

    async def check(self) -> None:
        messages = await self._rows.messages()
        tickets = await self._rows.tickets()
        await self._check_ends(messages)
        let_in = {ticket_id: LetIn() for ticket_id in tickets}
        placed = _in_order(messages, tickets)
        for row in placed:
            self._let_in_by_opening(row, let_in[_survivor(row["ticket_id"], tickets)])
        for row in placed:
            self._check_message(row, let_in[_survivor(row["ticket_id"], tickets)])
        self._check_sent(messages, tickets, let_in)
        for ticket_id, ticket in tickets.items():
            _check_events(ticket, [row for row in messages if row["ticket_id"] == ticket_id])
            here = let_in[_survivor(ticket_id, tickets)]
            people = {entry.rpartition(" ")[0].lower() for entry in ticket["people"]}
            assert people <= here.public | here.inside, f"people who were not let in take part: {people}"

    def _check_message(self, row: Row, here: LetIn) -> None:
        """Check one message in the order in which it came there, and let in whom it lets in."""
        named = {party["address"].lower() for key in ("to", "cc") for party in row["details"].get(key, ())}
        if row["direction"] == "out" or row["author"] != "customer":
            self._let_in_by_us(row, here, named)
            return
        writer = self._writers[row["key"]]
        if row["visibility"] == "internal":
            assert writer in here.inside | here.public, f"{writer} writes inside a ticket, and nobody asked for it"
        if row["visibility"] != "public":
            return
        assert writer in here.public, f"{writer} writes on a ticket of {here.public}: {row['decision']}"
        if row["verdict"] != "fail":
            here.public |= named

    def _let_in_by_opening(self, row: Row, here: LetIn) -> None:
        """Let in who opened the ticket, and whom an operator put there; an answer may have come before."""
        is_opening = row["decision"]["outcome"] == "opened" or row["decision"]["rule"] in BY_HAND
        in_group = row["details"].get("details", {}).get("group") is True
        if row["direction"] == "in" and (is_opening or in_group):
            here.public |= {self._writers[row["key"]], row["sender"]}

    @staticmethod
    def _let_in_by_us(row: Row, here: LetIn, named: set[str]) -> None:
        if row["author"] == "agent" and row["direction"] == "in":
            here.public |= {row["sender"]} if row["decision"]["outcome"] == "opened" else set()
            here.inside.add(row["sender"])
        elif row["send_kind"] == "reply":
            here.public |= named
        elif row["send_kind"] == "note":
            here.inside |= named

    def _check_sent(self, messages: Sequence[Row], tickets: Mapping[int, Row], let_in: Mapping[int, LetIn]) -> None:
        """What went out went to people of its ticket, and holds nothing from inside."""
        by_id = {row["id"]: row for row in messages}
        for sent in self._office.relay.sent:
            row = by_id[sent.message_id]
            recipients = {address.lower() for address in sent.recipients}
            if row["ticket_id"] is None or sent.kind == "forward":
                continue
            here = let_in[_survivor(row["ticket_id"], tickets)]
            allowed = here.inside if sent.kind == "note" else here.public
            assert recipients <= allowed, f"{sent.kind} to {recipients}, of a ticket of {allowed}"
            if sent.kind == "note":
                continue
            on_ticket = [m for m in messages if m["ticket_id"] in tickets]
            hidden = [m["text"].strip() for m in on_ticket if m["visibility"] != "public" and m["text"].strip()]
            said = sent.mail.raw.decode("utf-8", "replace")
            assert not [text for text in hidden if text in said], "what customers are not shown was sent to one"

    async def _check_ends(self, messages: Sequence[Row]) -> None:
        came = [row for row in messages if row["direction"] == "in"]
        assert all(row["raw"] == self._raws[row["key"]] for row in came), "the very bytes that came are kept"
        assert all(row["details"]["envelope"]["rcpt_to"] for row in came if row["channel"] == "mail"), (
            "and the envelope around them"
        )
        ends = [row["key"] for row in came]
        assert len(ends) == len(set(ends))
        doubles = await self._rows.doubles()
        assert len(ends) + len(doubles) == len(self._deliveries), "every delivery has exactly one end"
        for row in messages:
            assert (row["held"] is not None) == (row["state"] == "held"), "a message waits exactly while it is held"


def _in_order(messages: Sequence[Row], tickets: Mapping[int, Row]) -> list[Row]:
    """Give what stands on tickets in the order in which it came there; of merged tickets, what goes on comes last."""
    placed = [row for row in messages if row["ticket_id"] is not None]
    assert all(row["told"] for row in placed), "every message on a ticket has its event"
    return sorted(placed, key=lambda row: (tickets[row["ticket_id"]]["merged_into_id"] is None, row["told"]))


def _check_events(ticket: Row, messages: Sequence[Row]) -> None:
    assert ticket["sequences"] == list(range(1, ticket["version"] + 1)), "events of a ticket leave nothing out"
    assert ticket["message_count"] == len(messages), f"{ticket['message_count']} counted, {len(messages)} there"


def _survivor(ticket_id: int, tickets: Mapping[int, Row]) -> int:
    for _ in range(20):
        merged = tickets[ticket_id]["merged_into_id"]
        if merged is None:
            return ticket_id
        ticket_id = merged
    return ticket_id
