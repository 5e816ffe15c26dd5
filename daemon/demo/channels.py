"""The demo's first part: a customer on every channel, one ticket each, and an answer that goes back to each."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import httpx

from console.tables import Column
from daemon.cli_options import print_line
from daemon.demo.customers import ANSWERS, Customer, Heard
from daemon.demo.forms import FormCustomer
from daemon.demo.letters import MailCustomer
from daemon.demo.messengers import telegram_customer, viber_customer, vk_customer
from daemon.demo.pages import chat_customer
from daemon.demo.stage import Agent, Row, Stage
from daemon.demo.systems import SystemCustomer
from daemon.errors import UserError
from doubles.mail_relay import MailRelay
from schemas.numbers import shown

WAIT_SECONDS: Final = 90
LOOK_SECONDS: Final = 0.1
_Found = TypeVar("_Found")

ANSWERED: Final = (
    Column(key="channel", style="bold"),
    Column(key="customer", spare=1),
    Column(key="ticket", style="bold"),
    Column(key="wrote", ratio=4, least=11),
    Column(key="answer", ratio=4, least=11),
    Column(key="arrived", title="arrived as", ratio=4, least=11),
    Column(key="state", title="ticket says", style="yellow"),
)
"""`arrived` is what the other side saw, `state` what the ticket says of the same answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One customer's ticket, and what became of its answer."""

    customer: Customer
    number: str
    heard: Heard
    state: str

    def row(self) -> Row:
        """Give a row of the table."""
        return {
            "channel": self.customer.channel,
            "customer": self.customer.name,
            "ticket": shown(self.number),
            "wrote": self.customer.words,
            "answer": self.heard.text,
            "arrived": self.heard.seen,
            "state": self.state,
        }


@contextmanager
def customers(stage: Stage, relay: MailRelay) -> Iterator[Sequence[Customer]]:
    """Give a customer for each channel, with platforms that run; their accounts are set on the stage."""
    with ExitStack() as running:
        found: list[Customer] = [
            MailCustomer(relay, stage.smtp_port),
            running.enter_context(telegram_customer()),
            running.enter_context(viber_customer()),
            running.enter_context(vk_customer()),
            running.enter_context(chat_customer()),
            FormCustomer(partial(_form_link, stage)),
            SystemCustomer(partial(_reader, stage)),
        ]
        for customer in found:
            stage.account(customer.account, customer.channel, customer.settings())
        yield found


def answered(stage: Stage, agent: Agent, everybody: Sequence[Customer]) -> list[Answered]:
    """Let everybody write, the agent answer, and wait until all have heard. Raises `UserError`."""
    for customer in everybody:
        _until(customer.is_reachable, f"{customer.channel} knows where to bring deliveries")
        customer.write(stage.intake)
        print_line(f"     {customer.channel:<9} {customer.name} wrote to {customer.account}")
    numbers = {customer.channel: _ticket(agent, customer) for customer in everybody}
    for channel, number in numbers.items():
        agent.answer(number, ANSWERS[channel])
    print_line(f"     an agent answers all {len(numbers)} tickets over the HTTP API ...")
    return [_outcome(agent, customer, numbers[customer.channel]) for customer in everybody]


def mistakes(found: Sequence[Answered]) -> Iterator[str]:
    """Name every channel whose customer heard anything else than the agent's words, or whose ticket does not know."""
    for one in found:
        channel = one.customer.channel
        if one.heard.text != ANSWERS[channel]:
            yield f"{channel}: {one.customer.name} heard {one.heard.text!r}"
        if one.state != one.customer.state:
            yield f"{channel}: the ticket says {one.state!r}"


def _form_link(stage: Stage, *words: str) -> str:
    return stage.command("form-links", "create", *words).strip()


def _reader(stage: Stage, account: str) -> httpx.Client:
    return stage.client(account, "--account", account, "--scope", "events:read")


def _ticket(agent: Agent, customer: Customer) -> str:
    ticket = _until(lambda: agent.ticket_of(customer.account), f"a ticket of {customer.name} ({customer.channel})")
    return str(ticket["number"])


def _outcome(agent: Agent, customer: Customer, number: str) -> Answered:
    heard = _until(customer.heard, f"an answer for {customer.name} ({customer.channel})")
    expected = customer.state
    with suppress(UserError):  # the table shows what there is, and `mistakes` names it
        _until(lambda: agent.sent(number) == expected, expected)
    return Answered(customer=customer, number=number, heard=heard, state=agent.sent(number))


def _until(look: Callable[[], _Found | None], what: str) -> _Found:
    """Look until there is something. Raises `UserError`."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(LOOK_SECONDS)
    raise UserError(f"not after {WAIT_SECONDS} s: {what}")
