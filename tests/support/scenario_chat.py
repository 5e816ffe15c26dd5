"""Chat messages of a scenario: built in the forms of the connectors, by step; and invitations to chats."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from chats import chat, thread_id
from routing_lab import START, Lab
from scenario_desk import Office
from scenario_file import ScenarioError, Step, Table
from scenario_rows import Rows
from scenario_truth import Truth

from router.linking import Invitation
from schemas.message import InboundMessage


@dataclass(kw_only=True)
class ChatPost:
    """What was written so far, by the name of its step, and invitations by theirs."""

    lab: Lab
    rows: Rows
    truth: Truth
    number: int
    written: dict[str, InboundMessage] = field(default_factory=dict)
    invitations: dict[str, Invitation] = field(default_factory=dict)

    async def write(self, step: Step, now: datetime) -> InboundMessage:
        """Make the message of a step, as its platform would bring it."""
        what = step.what
        answered = what.get("edits") or what.get("answers")
        names = (await self._shown(answered, what),) if answered else ()
        made = chat(
            step.name,
            "the bot" if what.get("in the app") else what.get("from", ""),
            text=what.get("text"),
            room=self._room(what),
            channel=self._channel(what),
            account=self._account(what),
            scope=f"support-{self.number}",
            answers=names,
            album=what.get("album", ""),
            files=what.get("files", ()),
            minutes=(now - START) / timedelta(minutes=1),
            kind="edit" if "edits" in what else "message",
            verdict=what.get("verdict", "pass"),
            **self._details(what),
        )
        self.written.setdefault(step.name, made)
        return self._heard(step.name, made)

    def verbs(self, office: Office) -> dict[str, Callable[[Step], Awaitable[None]]]:
        """Give what else may happen around chats."""
        return {
            "invite": partial(self._invite, office),
            "unlink": partial(self._unlink, office),
            "turn": partial(self._turn, office),
        }

    async def _invite(self, office: Office, step: Step) -> None:
        """Invite the requester of a ticket to prove on another channel who they are."""
        number, channel = await self.rows.number(step.what["to ticket of"]), step.what.get("on", "telegram")
        lasts = timedelta(days=1)
        self.invitations[step.name] = await office.linking.invite(number, channel=channel, lasts=lasts, by="rui")

    async def _unlink(self, office: Office, step: Step) -> None:
        await office.linking.unlink(await self.rows.number(step.name), by="rui")

    async def _turn(self, office: Office, step: Step) -> None:
        """Turn a live chat: an agent does, the visitor, or the time."""
        by = step.what.get("by", "agent")
        if by == "visitor":
            await office.route([self.turned(step, office.now)])
        elif by == "time":
            await office.turning.round()
        else:
            await office.turning.turn(await self.rows.number(step.name))

    def _heard(self, name: str, message: InboundMessage) -> InboundMessage:
        """Remember a chat message: its bytes are told by its digest alone."""
        self.truth.heard(name, message)
        self.rows.taken(name, [message])
        return message

    def turned(self, step: Step, now: datetime) -> InboundMessage:
        """Make what tells that the visitor of a chat turns it into a ticket."""
        first = self.written[step.name]
        made = chat(
            f"{step.name} turned",
            first.sender.address,
            channel=first.channel,
            account=first.account,
            scope=first.scope,
            kind="event",
            text="",
            minutes=(now - START) / timedelta(minutes=1),
            turned=True,
        )
        return self._heard(f"{step.name} turned", made)

    def _details(self, what: Table) -> dict[str, Any]:
        found: dict[str, Any] = {"edit": True} if "edits" in what else {}
        found |= {"group": True} if "in" in what else {}
        found |= {"live": True} if what.get("live") else {}
        found |= {"echo": {"id": "1"}} if what.get("in the app") else {}
        if "brings" in what:
            invitation = self.invitations.get(what["brings"])
            proof = what["brings"] if invitation is None else _proof(invitation, by_hand=what.get("by hand", False))
            found["proof"] = proof
        return found

    async def _shown(self, name: str, what: Table) -> str:
        """Give the platform's id of the message of a step; one of ours has got it by now."""
        if name in self.written:
            own = self.written[name].thread.own
            if own is None:
                raise ScenarioError(f"{name} is no message of its own")
            return own.shown
        shown = f"{self._channel(what)}:{self._account(what)}:{self._room(what) or what['from']}:{name}"
        if name in self.rows.names:
            await self.lab.run(
                "insert into thread_ids (scope, digest, known_message_id) values (%s, decode(%s, 'hex'), %s)"
                " on conflict do nothing",
                [f"support-{self.number}", thread_id(shown)["digest"], self.rows.names[name]],
            )
        return shown

    def _room(self, what: Table) -> str:
        return str(what.get("in") or what.get("chat of") or "")

    def _channel(self, what: Table) -> str:
        return str(what.get("on", "telegram"))

    def _account(self, what: Table) -> str:
        return f"{what.get('bot', 'bot')}-{self.number}"


def _proof(invitation: Invitation, *, by_hand: bool) -> str:
    return invitation.code if by_hand else invitation.payload
