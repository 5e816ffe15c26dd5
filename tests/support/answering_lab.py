"""People at their tickets, on the store of a routing lab."""

from datetime import datetime, timedelta
from typing import Any

from routing_lab import HOLDING, KEY, START, Lab

from lifecycle.statuses import Move, Reason, Status, move
from router.moving import Moving
from router.outbound import Outbound
from router.policy import Policies
from router.tending import Tending
from schemas.message import Party
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore

DESK = Party(address="support@desk.example", name="Desk")
LATER = START + timedelta(hours=1)
SOURCE = "/switchboard/lab"


def store_of(lab: Lab) -> OutboundStore:
    return OutboundStore(pool=lab.pool, numbers=TicketNumbers(key=KEY))


def answers(lab: Lab, policies: Policies = HOLDING) -> Outbound:
    return Outbound(store=store_of(lab), policies=policies, desks={"support": DESK}, source=SOURCE, clock=lambda: LATER)


def tending(lab: Lab, now: datetime = LATER, policies: Policies = HOLDING) -> Tending:
    return Tending(store=store_of(lab), policies=policies, lifecycle=status_move, source=SOURCE, clock=lambda: now)


def moving(lab: Lab, policies: Policies = HOLDING) -> Moving:
    return Moving(store=store_of(lab), policies=policies, source=SOURCE, clock=lambda: LATER)


def status_move(current: str, target: str, at: datetime) -> Move:
    return move(current, Status(target), reason=Reason.OPERATOR, at=at)


async def number_of(lab: Lab, text: str) -> str:
    """The number of the ticket that holds the mail of this name."""
    rows = await lab.rows(
        "select t.number from messages m join tickets t on t.id = m.ticket_id where m.body_text = %s",
        [f"text of {text}"],
    )
    return str(rows[0]["number"])


async def id_of(lab: Lab, text: str) -> int:
    rows = await lab.rows("select id from messages where body_text = %s", [f"text of {text}"])
    return int(rows[0]["id"])


async def ticket(lab: Lab, number: str) -> dict[str, Any]:
    return (await lab.rows("select * from tickets where number = %s", [number]))[0]


async def people(lab: Lab, number: str) -> dict[str, str]:
    rows = await lab.rows(
        "select p.address, p.role from ticket_participants p join tickets t on t.id = p.ticket_id where t.number = %s",
        [number],
    )
    return {row["address"]: row["role"] for row in rows}
