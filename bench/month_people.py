"""Who writes in the simulated month, and with what: customers, their programs, their habits."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from random import Random
from typing import Final

DESK: Final = "support@desk.example"
OLD_DESK: Final = "old-desk.example"
REPLY: Final = ("Re: ",) * 12 + ("RE: ",) * 8 + (
    "AW: ", "Antw: ", "SV: ", "RES: ", "Res: ", "Отв: ", "Ответ: ", "Odp: ", "YNT: ", "回复: ", "R: ",
)  # fmt: skip
FORWARD: Final = ("Fwd: ",) * 4 + ("FW: ",) * 3 + ("WG: ", "TR: ", "RV: ", "ENC: ", "Пересл: ")
WORDS: Final = [
    "invoice",
    "printer",
    "login",
    "password",
    "contract",
    "delivery",
    "order",
    "account",
    "licence",
    "update",
    "error",
    "screen",
    "report",
    "export",
    "import",
    "server",
    "backup",
    "camera",
    "router",
    "payment",
    "address",
    "refund",
    "tariff",
    "invoice",
    "module",
    "drawing",
    "project",
    "key",
    "install",
    "crash",
    "slow",
]
COMMON: Final = ("Invoice", "Question", "Help", "Печать не работает", "Nota fiscal", "Login problem", "Order", "Urgent")


class Client(StrEnum):
    """A mail program, by how it answers."""

    GMAIL = "gmail"
    OUTLOOK = "outlook"
    EXCHANGE = "exchange"
    APPLE = "apple"
    THUNDERBIRD = "thunderbird"
    MOBILE = "mobile"
    WEBMAIL = "webmail"
    DESK = "desk"
    POOR = "poor"
    REWRITTEN = "rewritten"


SHARES: Final = {
    Client.GMAIL: 30,
    Client.OUTLOOK: 20,
    Client.EXCHANGE: 13,
    Client.APPLE: 10,
    Client.THUNDERBIRD: 5,
    Client.MOBILE: 8,
    Client.WEBMAIL: 9,
    Client.DESK: 1.5,
    Client.POOR: 1,
    Client.REWRITTEN: 2.5,
}
"""`rewritten`: what we send reaches them through a service that gives it an id of its own (Amazon SES)."""

KEEPS_ADDRESS: Final = {Client.POOR: 0.6, Client.DESK: 0.8, Client.WEBMAIL: 0.95}
"""Part of the answers that go to the reply address of our mail; 97 % where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody who writes. `proven`: the domain signs its mail, so that most of it passes the check."""

    number: int
    address: str
    client: Client
    proven: bool

    @property
    def domain(self) -> str:
        """What stands behind the @."""
        return self.address.rpartition("@")[2]

    def other(self, name: str) -> str:
        """Give an address of somebody else at the same place."""
        return f"{name}.{self.number}@{self.domain}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A mail of ours as its reader has it. `wire_id` is the Message-ID that it came with."""

    message_id: int
    shown: str
    wire_id: str
    subject: str
    reply_address: str


@dataclass(kw_only=True, eq=False)
class Talk:
    """A conversation as it is in truth. `ticket` is where its first mail opened one; None before and if it did not."""

    customer: Customer
    subject: str
    ids: list[str] = field(default_factory=list)
    members: list[str] = field(default_factory=list)
    ticket: int | None = None
    number: str = ""
    ours: list[Ours] = field(default_factory=list)
    closed_at: datetime | None = None


def customers(count: int, random: Random) -> list[Customer]:
    """Make the customers; some firms have many."""
    programs, weights = list(SHARES), list(SHARES.values())
    found = []
    for number in range(count):
        client = random.choices(programs, weights)[0]
        public = {Client.GMAIL: "gmail.example", Client.WEBMAIL: random.choice(("mail-ru.example", "yahoo.example"))}
        domain = public.get(client, f"firm{random.randrange(max(1, count // 3))}.example")
        address = f"customer{number:05d}@{domain}"
        found.append(Customer(number=number, address=address, client=client, proven=random.random() < 0.62))
    return found


def subject_of(random: Random) -> str:
    """Give a subject that is rarely somebody else's."""
    return f"{' '.join(random.sample(WORDS, 3)).capitalize()} {random.randrange(10**6)}"
