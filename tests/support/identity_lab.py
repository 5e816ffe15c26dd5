"""Invitations to tickets of the lab, and messages that bring them."""

from datetime import timedelta
from typing import Any

from answering_lab import store_of
from chats import chat
from routing_lab import START, Lab, mail

from router.linking import Invitation, Linking
from schemas.message import InboundMessage


def linking(lab: Lab) -> Linking:
    return Linking(store=store_of(lab), clock=lambda: START)


async def invited(lab: Lab, *, channel: str = "telegram", hours: float = 24) -> Invitation:
    """Open a ticket by mail, and invite its requester."""
    await lab.route(mail("mail"))
    return await linking(lab).invite(await number(lab), channel=channel, lasts=timedelta(hours=hours), by="rui")


async def number(lab: Lab) -> str:
    rows = await lab.rows("select number from tickets order by id limit 1")
    return str(rows[0]["number"])


def start(proof: str, *, minutes: float = 1, **more: Any) -> InboundMessage:
    return chat(f"s{minutes}", text="/start", minutes=minutes, proof=proof, **more)


async def why(lab: Lab) -> str:
    """Give why the latest message is where it is."""
    rows = await lab.rows("select decision from messages order by id desc limit 1")
    return str(rows[0]["decision"]["explanation"])
