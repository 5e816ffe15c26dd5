"""Compares what a scenario expects with what the store holds."""

from collections.abc import Mapping, Sequence
from email.utils import getaddresses
from typing import Any, Final

from scenario_desk import Office
from scenario_file import ScenarioError, Table
from scenario_rows import Row, Rows

OF_A_MESSAGE: Final = {
    *("ticket", "held", "noted", "discarded", "duplicate", "forwarded", "rule", "continues", "reopened", "visibility"),
    *("author", "refused by", "suggests", "why", "delivery", "sent to", "notice", "automatic", "files", "text"),
    "may be from",
}
OF_A_TICKET: Final = {
    "status",
    "requester",
    "participants",
    "messages",
    "events",
    "hidden",
    "version",
    "merged into",
    "live",
}


class Expectations:
    """Tickets have the names that a scenario gives them: the first message on one gives it its name."""

    def __init__(self, rows: Rows, office: Office, people: Mapping[str, str]) -> None:
        self._rows = rows
        self._office = office
        self._people = people
        self._labels: dict[str, int] = {}
        self._numbers: dict[str, str] = {}

    async def check(self, messages: Table, tickets: Table) -> None:
        for name, wanted in messages.items():
            await self._message(name, _plainly(wanted))
        for label, wanted in tickets.items():
            await self._ticket(label, wanted)

    async def _message(self, name: str, wanted: Table) -> None:
        unknown = set(wanted) - OF_A_MESSAGE
        if unknown:
            raise ScenarioError(f"{name}: nobody can expect {sorted(unknown)}")
        row = await self._rows.find(name)
        if "duplicate" in wanted:
            await self._duplicate(name, wanted["duplicate"])
            return
        assert row is not None, f"{name}: no message of its own came of it"
        found = await self._found(row, wanted)
        assert found == {key: _sorted(value) for key, value in wanted.items()}, (
            f"{name}: {row['state']} {row['held'] or ''} {row['decision']['explanation']} {row['decision']}"
        )

    async def _found(self, row: Row, wanted: Table) -> Table:
        """Give what is so, for the keys that are asked for."""
        decision = row["decision"]
        held = row["held"]
        found: Table = {
            "ticket": self._label(row, wanted["ticket"]) if "ticket" in wanted else None,
            "held": held,
            "noted": decision["rule"] if row["state"] == "noted" else None,
            "discarded": row["state"] == "discarded",
            "forwarded": decision["outcome"] == "forwarded",
            "rule": decision["rule"],
            "continues": self._label_of_number(decision.get("continues", "")),
            "reopened": decision.get("reopened", False),
            "visibility": row["visibility"],
            "author": row["author"],
            "refused by": sorted({rejected["gate"] for rejected in decision.get("rejected", ())}),
            "automatic": row["automatic"],
            "may be from": self._name(decision.get("requester", "")),
            "text": row["text"].strip(),
        }
        found["why"] = (
            wanted.get("why") if str(wanted.get("why")) in decision["explanation"] else decision["explanation"]
        )
        if "suggests" in wanted:
            numbers = [suggestion["ticket"] for suggestion in decision.get("suggestions", ())]
            found["suggests"] = sorted(label for number in numbers if (label := self._label_of_number(number)))
        if "delivery" in wanted:
            found["delivery"] = {self._name(r["address"]): r["state"] for r in row["recipients"] or ()}
        if "sent to" in wanted:
            sent = [one for one in self._office.relay.sent if one.message_id == row["id"]]
            found["sent to"] = sorted(self._name(address) for one in sent for address in one.recipients)
        if "files" in wanted:
            found["files"] = {
                file.get("name", ""): file.get("state", "stored") for file in row["details"].get("files", ())
            }
        if "notice" in wanted:
            notices = [n for n in await self._rows.notices() if n["message_id"] == row["id"] and n["state"] == "sent"]
            found["notice"] = sorted(notice["reason"] for notice in notices) or None
        return {key: found[key] for key in wanted}

    async def _duplicate(self, name: str, of: Any) -> None:
        keys = {message.delivery_key for message in self._rows.keys[name]}
        kinds = {row["kind"] for row in await self._rows.doubles() if row["key"] in keys}
        assert kinds, f"{name} was no duplicate"
        assert of is True or of in kinds, f"{name}: {kinds}"

    def _label(self, row: Row, label: str | None) -> str | None:
        """Give the name of the ticket on which a message stands; one that has none yet gets this one."""
        ticket_id = row["ticket_id"]
        if ticket_id is None:
            return None
        for known, known_id in self._labels.items():
            if known_id == ticket_id:
                return known
        if label is not None and label not in self._labels:
            self._labels[label] = ticket_id
            self._numbers[row["number"]] = label
            return label
        return f"another ticket than {label}"

    def _label_of_number(self, number: str) -> str | None:
        return self._numbers.get(number, f"ticket {number}") if number else None

    def _name(self, address: str) -> str:
        """Give a person's name in the scenario; an address that is nobody's, as it is."""
        for name, written in self._people.items():
            if getaddresses([written])[0][1].lower() == address.lower():
                return name
        return address

    async def _ticket(self, label: str, wanted: Table) -> None:
        unknown = set(wanted) - OF_A_TICKET
        if unknown or label not in self._labels:
            raise ScenarioError(f"ticket {label}: not known so far, or nobody can expect {sorted(unknown)}")
        tickets = await self._rows.tickets()
        row = tickets[self._labels[label]]
        messages = [m for m in await self._rows.messages() if m["ticket_id"] == row["id"]]
        merged = row["merged_into_id"]
        people = [entry.rpartition(" ") for entry in row["people"]]
        names = {"messages": messages, "hidden": [m for m in messages if m["visibility"] != "public"]}
        found: Table = {
            "status": row["status"],
            "version": row["version"],
            "live": row["live"],
            "requester": self._name(row["requester"]),
            "participants": sorted(self._name(address) for address, _, role in people if role != "internal"),
            "events": row["events"],
            "merged into": self._label_of_number(tickets[merged]["number"]) if merged else None,
            **{key: sorted(self._step(m) for m in value) for key, value in names.items()},
        }
        assert {key: found[key] for key in wanted} == {
            key: value if key == "events" else _sorted(value) for key, value in wanted.items()
        }, f"ticket {label}"

    def _step(self, row: Row) -> str:
        """Give the name of a message's step."""
        for name, message_id in self._rows.names.items():
            if message_id == row["id"]:
                return name
        for name, messages in self._rows.keys.items():
            if messages[0].delivery_key == row["key"]:
                return name
        return f"message {row['id']}"


def _plainly(wanted: Any) -> Table:
    """Read the short forms: a ticket's name, `held REASON`, `noted RULE`, `duplicate`, `discarded`."""
    if not isinstance(wanted, str):
        return dict(wanted)
    first, _, rest = wanted.partition(" ")
    if first in ("held", "noted"):
        return {first: rest, "ticket": None}
    return {first: True} if first in ("duplicate", "discarded", "forwarded") else {"ticket": wanted}


def _sorted(value: Any) -> Any:
    return sorted(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
