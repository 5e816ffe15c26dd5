"""What a batch asks of the store: what only some batches need costs the others nothing."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from routing_lab import HOLDING, Lab, digest, mail, open_lab

from router.keys import Keyring
from router.policy import Policies, Staff
from router.ports import RoutingTransaction
from schemas.message import InboundMessage
from schemas.placement import address_key
from ticket_store.routing import RoutingStore

RUI = "rui@work.example"
PLAIN = [
    "message_ids",
    "claim_deliveries",
    "lock_ids",
    "known",
    "reached_from",
    "lock_tickets",
    "participants",
    "reserve_ticket_ids",
    "reserve_message_ids",
    "write",
]
"""A request and an answer to a known id."""


class Recorder:
    """A transaction that keeps the names of what it is asked."""

    def __init__(self, inner: RoutingTransaction, asked: list[str]) -> None:
        self._inner = inner
        self._asked = asked

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if not name.startswith("next_") and name != "ticket_number":
            self._asked.append(name)
        found: Callable[..., Any] = getattr(self._inner, name)
        return found


class RecordingStore(RoutingStore):
    """A store whose transactions are recorded."""

    asked: list[str]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        async with super().transaction() as inner:
            yield Recorder(cast("RoutingTransaction", inner), self.asked)


async def asked_by(lab: Lab, *messages: InboundMessage, policies: Policies = HOLDING) -> list[str]:
    """Route a batch, and give what it asked of the store."""
    store = RecordingStore(pool=lab.pool, numbers=lab.store._numbers)
    store.asked = []
    original, lab.store = lab.store, store
    await lab.route(*messages, policies=policies)
    lab.store = original
    return [name for name in store.asked if not name.startswith("old_")]


async def prepared(lab: Lab) -> str:
    """Open a ticket, and give a token for a message of ours on it that was never stored."""
    await lab.route(mail("one"))
    row = (await lab.rows("select id, created_at from tickets"))[0]
    signer = await Keyring(store=lab.store, clock=lambda: row["created_at"]).signer()
    return signer.issue(ticket_id=row["id"], message_id=9000, opened_at=row["created_at"])


async def test_a_plain_batch_asks_what_it_always_asked(database: str) -> None:
    async with open_lab(database) as lab:
        await prepared(lab)
        assert await asked_by(lab, mail("two", answers="one"), mail("three", subject="Scanner")) == PLAIN


async def test_tokens_cost_no_statement_beside_those_of_ids(database: str) -> None:
    async with open_lab(database) as lab:
        token = await prepared(lab)
        assert await asked_by(lab, mail("two", answers="one", tokens=[("recipient", token)])) == PLAIN


async def test_a_number_a_report_and_an_agents_answer_cost_one_statement_each(database: str) -> None:
    async with open_lab(database) as lab:
        token = await prepared(lab)
        number = (await lab.rows("select number from tickets"))[0]["number"]
        tagged = mail("two", answers="one").model_copy(update={"subject": f"[#{number}]"})
        assert set(await asked_by(lab, tagged)) - set(PLAIN) == {"tickets_by_numbers"}
        staffed = Policies(own_addresses=HOLDING.own_addresses, staff=Staff(addresses=frozenset({RUI})))
        answer = mail("three", RUI, verdict="pass", tokens=[("to", token)])
        assert set(await asked_by(lab, answer, policies=staffed)) - set(PLAIN) == {"spoken_on"}
        sent = (await lab.rows("select message_id from sends"))[0]["message_id"]
        assert sent > 0
        bounce = mail("four", "mailer-daemon@x.example", automatic="bounce", report={}, tokens=[("report", token)])
        assert set(await asked_by(lab, bounce)) - set(PLAIN) == set(), "a report about nothing that was sent"


async def test_a_known_id_is_looked_up_among_the_quoted_only_where_a_move_has_taught_it(database: str) -> None:
    async with open_lab(database) as lab:
        await prepared(lab)
        assert "quoted" not in await asked_by(lab, mail("two", answers="one"))
        await lab.run("update thread_ids set taught = true where digest = %s", [bytes.fromhex(digest("one"))])
        assert "quoted" in await asked_by(lab, mail("three", answers="one"))
        assert (
            await lab.rows(
                "select count(*) as n from quoted_ids where address_key = %s",
                [address_key("mail", "", "ana@a.example")],
            )
        )[0]["n"] == 0
