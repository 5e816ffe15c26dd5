"""A victim's ticket, and what must be so after whatever an attacker sent."""

from dataclasses import dataclass
from typing import Any

from scenario_file import Table
from scenario_stage import Stage
from scenario_theatre import Theatre

ANA = "ana@customer.example"
EVE = "eve@elsewhere.example"
SECRET = "The victim's own words."
"""What stands in the victim's mail and may go to nobody else."""
POISON = "The attacker's words."


@dataclass(kw_only=True)
class Victim:
    """Ana's ticket: her mail, our reply. `theatre` runs what happens."""

    theatre: Theatre
    stage: Stage

    def do(self, **entry: Any) -> None:
        self.theatre.run(self.stage.do(**entry))

    def attack(self, name: str = "attack", **mail: Any) -> Table:
        """Send a mail that Eve really wrote; give what became of it."""
        self.do(mail=name, **{"from_": "eve", "really": "eve", "body": POISON, **mail})
        return self.message(name)

    def message(self, name: str) -> Table:
        found = self.theatre.run(self.stage.rows.find(name))
        assert found is not None
        return found

    def id_of(self, name: str) -> str:
        return self.stage.post.written[name].message_id

    def reply_address(self, name: str = "ours") -> str:
        return self.stage.post.written[name].reply_to

    @property
    def number(self) -> str:
        return self.stage.rows.numbers["first"]

    def check_untouched(self, *, also: tuple[str, ...] = ()) -> None:
        """Nobody but Ana and us is on her ticket; nothing of it went to anybody else, with the next reply neither.

        `also` names further messages of hers that stand there.
        """
        self.do(reply="last", to_ticket_of="first", text="Our last words.", everyone=True)
        ticket = self.message("first")["ticket_id"]
        rows = [row for row in self.theatre.run(self.stage.rows.messages()) if row["ticket_id"] == ticket]
        expected = {self.message(name)["id"] for name in ("first", "ours", "last", *also)}
        assert {row["id"] for row in rows} == expected
        assert not [row for row in rows if POISON in row["text"]]
        people = self.theatre.run(self.stage.rows.tickets())[ticket]["people"]
        assert people == [f"{ANA} requester"]
        for sent in self.stage.office.relay.sent:
            said = sent.mail.raw.decode("utf-8", "replace")
            if set(sent.recipients) != {ANA}:
                assert SECRET not in said
                assert "Our last words." not in said
        self.theatre.run(self.stage.truth.check())


def victim(theatre: Theatre, **settings: Any) -> Victim:
    """Open Ana's ticket and answer it."""
    found = Victim(theatre=theatre, stage=theatre.stage(**settings))
    found.do(mail="first", from_="ana", subject="Printer", body=SECRET, verdict="pass")
    found.do(reply="ours", to_ticket_of="first", text="Have you tried it off and on?")
    return found
