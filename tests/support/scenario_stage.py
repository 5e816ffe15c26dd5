"""Plays a scenario: every step at its time, on a real store, with the parts that the daemon runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from email.utils import getaddresses
from io import StringIO
from typing import Final

from routing_lab import START, Lab
from scenario_chat import ChatPost
from scenario_desk import Office, settings_of
from scenario_expect import Expectations
from scenario_file import Scenario, ScenarioError, Step, Table, step_of
from scenario_mail import Post, Written
from scenario_rows import Rows
from scenario_truth import Truth

from daemon.legacy_files import read_jsonl
from router.moving import HOLD, NEW
from schemas.message import InboundMessage, Text
from schemas.numbers import subject_tag
from schemas.tokens import token_in_message_id
from ticket_store.legacy import choose_ticket
from ticket_store.legacy_import import stage, store_staged
from ticket_store.signing_keys import read_keys, retire, rotate

ACCOUNT: Final = "support@desk.example"


class Stage:
    """One scenario in one database that others share: its accounts and scopes carry `number`.

    `facts` holds what each mail's step says, for when the mail comes again.
    """

    def __init__(self, lab: Lab, scenario: Scenario, number: int) -> None:
        self.scenario = scenario
        self.number = number
        self.settings = settings_of(scenario.settings, number)
        self.office = Office(lab, self.settings, START)
        self.post = Post(people=scenario.people, account=ACCOUNT, fills=self._fill)
        scopes = [account.account(name).scope for name, account in self.settings.mail_accounts().items()]
        self.rows = Rows(lab, scopes)
        self.truth = Truth(self.rows, self.office, scenario.people)
        self.expected = Expectations(self.rows, self.office, scenario.people)
        self._lab = lab
        self.facts: dict[str, Table] = {}
        self.chats = ChatPost(lab=lab, rows=self.rows, truth=self.truth, number=number)
        self._verbs: dict[str, Callable[[Step], Awaitable[None]]] = {
            "mail": self._mail,
            "chat": self._chat,
            **self.chats.verbs(self.office),
            "again": self._again,
            "together": self._together,
            "at once": self._at_once,
            "reply": self._reply,
            "note": self._note,
            "close": self._close,
            "reopen": self._reopen,
            "spam": self._spam,
            "merge": self._merge,
            "move": self._move,
            "link": self._link,
            "open": self._open,
            "discard": self._discard,
            "send on": self._send_on,
            "import": self._import,
            "bind": self._bind,
            "new key": self._new_key,
            "retire keys": self._retire_keys,
            "expect": self._expect,
        }

    async def play(self) -> None:
        """Do every step, then check what must hold after any scenario."""
        for step in self.scenario.steps:
            await self.act(step)
        await self.truth.check()

    async def act(self, step: Step) -> None:
        """Do one step, and let go what follows from it."""
        self.office.now += step.after
        act = self._verbs.get(step.verb)
        if act is None:
            raise ScenarioError(f"nobody can {step.verb!r} yet")
        await act(step)
        if step.verb != "expect":
            await self._after(step)

    async def do(self, **entry: object) -> None:
        """Do one step as a scenario would write it, with `_` for blanks in keys (`from_` for `from`)."""
        await self.act(step_of({key.strip("_").replace("_", " "): value for key, value in entry.items()}, "a test"))

    async def _after(self, step: Step) -> None:
        """Let notices and sends go, and name what we sent: `what STEP sent`, and `reply` and `note` by their names."""
        await self.office.settle()
        await self.rows.refresh()
        sent = {one.message_id: one for one in self.office.relay.sent}
        for message_id in await self.rows.unnamed_of_ours():
            name = step.name if step.verb in ("reply", "note") else f"what {step.name} sent"
            self.rows.names[name] = message_id
            if message_id in sent:
                self.post.written[name] = sent[message_id].mail

    async def _mail(self, step: Step) -> None:
        await self.office.route(await self._taken(step))

    async def _chat(self, step: Step) -> None:
        await self.office.route(await self._taken(step))

    async def _together(self, step: Step) -> None:
        """Several mails in one batch of the router."""
        messages = [message for inner in step.what["together"] for message in await self._taken(inner)]
        await self.office.route(messages)

    async def _at_once(self, step: Step) -> None:
        """Several mails, each taken by a router of its own, at the same time."""
        taken = [await self._taken(inner) for inner in step.what["at once"]]
        await asyncio.gather(*(self.office.route(messages) for messages in taken))

    async def _taken(self, step: Step) -> list[InboundMessage]:
        """Write a mail, or take one that was written before, and bring it to the door."""
        what = step.what
        if step.verb == "chat":
            return [await self.chats.write(step, self.office.now)]
        mail = (
            self.post.write(step.name, what, self.office.now) if step.verb == "mail" else self.post.written[step.name]
        )
        self.post.written[step.name] = mail
        self.facts.setdefault(step.name, what)
        return await self._delivered(step.name, mail, self.facts[step.name])

    async def _delivered(self, name: str, mail: Written, what: Table) -> list[InboundMessage]:
        rcpt_to = self.post.parties(what["delivered to"]) if "delivered to" in what else self._recipients(mail)
        sender = getaddresses([self.post.party(what.get("from", ""))])[0][1]
        messages = await self.office.take(
            mail.raw,
            rcpt_to=rcpt_to,
            mail_from=what.get("mail from", "" if "bounces" in what else sender),
            verdict={"result": what.get("verdict", "none")},
        )
        if not messages:
            raise ScenarioError(f"mail {name!r} comes to no account: {rcpt_to}")
        writer = getaddresses([self.post.party(what.get("really") or what.get("from", ""))])[0][1]
        self.truth.taken(name, mail.raw, messages, writer.lower())
        self.rows.taken(name, messages)
        return messages

    def _recipients(self, mail: Written) -> list[str]:
        named = mail.headers("To", "Cc")
        ours = [address for _, address in getaddresses(named) if self.office.account_of(address) is not None]
        return ours or [ACCOUNT]

    async def _again(self, step: Step) -> None:
        """The very same bytes once more."""
        await self.office.route(await self._taken(step))

    async def _reply(self, step: Step) -> None:
        what, number = step.what, await self.rows.number(step.what["to ticket of"])
        text = Text(content=what.get("text", f"text of {step.name}"))
        cc = [self._address(name) for name in _several(what.get("cc", ()))]
        await self.office.outbound.reply(
            number, text, by=what.get("by", "rui"), cc=cc, everyone=what.get("everyone", False)
        )

    async def _note(self, step: Step) -> None:
        what, number = step.what, await self.rows.number(step.what["to ticket of"])
        text = Text(content=what.get("text", f"text of {step.name}"))
        to = [self._address(name) for name in _several(what.get("to", ()))]
        await self.office.outbound.note(number, text, by=what.get("by", "rui"), to=to)

    def _address(self, name: str) -> str:
        return getaddresses([self.post.party(name)])[0][1]

    async def _close(self, step: Step) -> None:
        await self.office.tending.close(await self.rows.number(step.name))

    async def _reopen(self, step: Step) -> None:
        await self.office.tending.reopen(await self.rows.number(step.name))

    async def _spam(self, step: Step) -> None:
        await self.office.tending.spam(await self.rows.number(step.name))

    async def _merge(self, step: Step) -> None:
        source, into = await self.rows.number(step.name), await self.rows.number(step.what["into"])
        different = step.what.get("different requesters", False)
        await self.office.tending.merge(source, into, allow_different_requesters=different)

    async def _move(self, step: Step) -> None:
        """Say that a message stands on the wrong ticket."""
        to = step.what["to"] if step.what["to"] in (NEW, HOLD) else await self.rows.number(step.what["to"])
        await self.office.moving.move(await self.rows.id(step.name), to)

    async def _link(self, step: Step) -> None:
        await self.office.desk.link(await self.rows.id(step.name), await self.rows.number(step.what["to"]))

    async def _open(self, step: Step) -> None:
        await self.office.desk.open(await self.rows.id(step.name))

    async def _discard(self, step: Step) -> None:
        await self.office.desk.discard(await self.rows.id(step.name))

    async def _send_on(self, step: Step) -> None:
        """Send a held message on to the old desk whose mail it is."""
        await self.office.desk.forward(await self.rows.id(step.name))

    async def _import(self, step: Step) -> None:
        """Import old tickets as `switchboard legacy import` does."""
        lines = StringIO("".join(json.dumps(line, default=str) + "\n" for line in step.what["tickets"]))
        zone = START.tzinfo
        if zone is None:
            raise ScenarioError("the lab's time has no zone")
        async with self._lab.pool.connection() as connection:
            await connection.rollback()
            await connection.set_autocommit(True)
            await connection.execute("discard temp")
            total = await stage(connection, read_jsonl(lines, zone=zone, bad=_refuse))
            await store_staged(
                connection,
                total,
                desk=f"{step.name}-{self.number}",
                scopes=self.rows.scopes,
                now=self.office.now,
                progress=lambda _done: None,
            )
            await connection.set_autocommit(False)

    async def _bind(self, step: Step) -> None:
        """Say where an old ticket goes on."""
        old = (f"{step.what['desk']}-{self.number}", step.name)
        number = await self.rows.number(step.what["to"])
        async with self._lab.pool.connection() as connection:
            await choose_ticket(
                connection, old, number, by="rui", now=self.office.now, scopes=frozenset(self.rows.scopes)
            )

    async def _new_key(self, _step: Step) -> None:
        async with self._lab.pool.connection() as connection:
            await rotate(connection)

    async def _retire_keys(self, _step: Step) -> None:
        """Retire every key but a new one."""
        async with self._lab.pool.connection() as connection:
            old = [key.id for key in await read_keys(connection) if not key.retired]
            await rotate(connection)
            for key_id in old:
                await retire(connection, key_id)

    async def _expect(self, step: Step) -> None:
        await self.expected.check(step.what["expect"] or {}, step.what.get("tickets", {}))

    def _fill(self, what: str, name: str) -> str:
        """Give what stands in braces in a scenario."""
        if what == "stamp":
            return f"s{self.number}"
        if what == "id":
            return self.post.written[name].message_id
        if what == "reply address":
            return getaddresses([self.post.written[name].reply_to])[0][1]
        if what == "token":
            return token_in_message_id(self.post.written[name].message_id)
        number = self.rows.numbers[name]
        return subject_tag(number) if what == "tag" else number


def _several(names: str | Sequence[str]) -> Sequence[str]:
    return [names] if isinstance(names, str) else names


def _refuse(line: int, why: str) -> None:
    raise ScenarioError(f"old ticket {line}: {why}")
