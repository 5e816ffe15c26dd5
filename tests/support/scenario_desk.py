"""One installation for scenarios: settings as an operator writes them, a store, the router's parts, a relay."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from answering_lab import status_move
from routing_lab import KEY, NOWHERE, Lab
from scenario_file import Table
from scenario_mail import Written

from connectors.base import Account, Delivery, InvalidDeliveryError
from connectors.mail.normalize import undecodable
from connectors.mail.normalizer import MailNormalizer
from connectors.mail.quotes import reply_text
from connectors.mail.smtp_address import AccountDirectory
from daemon.notice_desk import NoticeDesks
from daemon.outbound_mail import MailChannel
from daemon.settings import Settings
from daemon.settings_load import load
from daemon.wiring import desks, policies
from lifecycle.notice_worker import NoticeWorker
from router.batch import BatchRouter, Part, Routable
from router.deliveries import Delivery as Delivered
from router.deliveries import Marker, Pace
from router.desk import Desk
from router.linking import Linking
from router.moving import Moving
from router.outbound import Outbound
from router.second_look import SecondLook
from router.sending import SendingWorker
from router.tending import Tending
from router.turning import Turning
from schemas.message import InboundMessage, Verdict
from schemas.outbound_rows import DueSend
from ticket_store.instance import Instance, read_or_create
from ticket_store.notices import NoticeStore
from ticket_store.numbers import TicketNumbers
from ticket_store.outbound import OutboundStore
from ticket_store.sends import PostgresSends

SOURCE: Final = "/switchboard/scenarios"
USUAL: Final[Table] = {
    "smtp": {"hostname": "desk.example"},
    "accounts": {"support": {"addresses": ["support@desk.example"], "from_name": "Support"}},
    "staff": {"addresses": ["rui@staff.example"]},
    "outbound": {"smtp": {"host": "relay.example"}},
}
"""What a scenario's settings are laid over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A mail of ours as the relay took it."""

    message_id: int
    kind: str
    recipients: tuple[str, ...]
    mail: Written


@dataclass(kw_only=True)
class Relay:
    """Renders as the daemon does, and takes everything. Also the blob store of what was rendered."""

    channel: MailChannel
    sent: list[Sent] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    async def render(self, send: DueSend) -> bytes:
        return await self.channel.render(send)

    async def send(self, raw: bytes, send: DueSend, addresses: Sequence[str]) -> Mapping[str, Delivered]:
        mail = Written.of(raw)
        self.sent.append(Sent(message_id=send.message_id, kind=str(send.kind), recipients=tuple(addresses), mail=mail))
        return dict.fromkeys(addresses, Delivered("sent", "250"))

    async def get(self, digest: str) -> bytes:
        if digest not in self.blobs:
            raise FileNotFoundError(digest)
        return self.blobs[digest]

    async def keep(self, content: bytes) -> None:
        self.blobs[sha256(content).hexdigest()] = content

    def trouble(self, channel: str, message: str) -> None:
        raise AssertionError(f"{channel}: {message}")

    def well(self, channel: str) -> None:
        del channel

    def delivered(self, kind: str, state: str) -> None:
        del kind, state


class Office:
    """The router's parts over one store, at the time that `now` holds."""

    def __init__(self, lab: Lab, settings: Settings, now: datetime) -> None:
        self.lab = lab
        self.settings = settings
        self.now = now
        self.policies = policies(settings)
        numbers = TicketNumbers(key=KEY)
        self._store = OutboundStore(pool=lab.pool, numbers=numbers)
        self._notices = NoticeStore(pool=lab.pool, numbers=numbers)
        self._normalize = MailNormalizer()
        self._directory = AccountDirectory(accounts=settings.mail_accounts())
        self.relay = Relay(channel=MailChannel(settings=settings, blobs=self.relay_blobs()))
        self._sending = self._sender()

    def relay_blobs(self) -> Any:
        return self

    async def get(self, digest: str) -> bytes:
        """Give bytes that `MailChannel` asks for."""
        return await self.relay.get(digest)

    def clock(self) -> datetime:
        return self.now

    def account_of(self, address: str) -> Account | None:
        return self._directory.find(address)

    @property
    def desk(self) -> Desk:
        return Desk(store=self._store, policies=self.policies, source=SOURCE, clock=self.clock)

    @property
    def linking(self) -> Linking:
        return Linking(store=self._store, clock=self.clock)

    @property
    def turning(self) -> Turning:
        return Turning(store=self._store, policies=self.policies, source=SOURCE, clock=self.clock)

    @property
    def tending(self) -> Tending:
        return Tending(
            store=self._store,
            policies=self.policies,
            lifecycle=status_move,
            source=SOURCE,
            clock=self.clock,
        )

    @property
    def moving(self) -> Moving:
        return Moving(store=self._store, policies=self.policies, source=SOURCE, clock=self.clock)

    @property
    def outbound(self) -> Outbound:
        return Outbound(
            store=self._store,
            policies=self.policies,
            desks=desks(self.settings),
            source=SOURCE,
            clock=self.clock,
        )

    async def take(self, raw: bytes, *, rcpt_to: Sequence[str], mail_from: str, verdict: Table) -> list[InboundMessage]:
        """Take a mail at the door: one message for each account, with what the check of its sender said."""
        await self.relay.keep(raw)
        accounts: dict[Account, list[str]] = {}
        for address in rcpt_to:
            account = self.account_of(address)
            if account is not None:
                accounts.setdefault(account, []).append(address)
        return [
            (await self._read(raw, account, addresses, mail_from)).model_copy(
                update={"verdict": Verdict.model_validate(verdict)}
            )
            for account, addresses in accounts.items()
        ]

    async def _read(self, raw: bytes, account: Account, rcpt_to: Sequence[str], mail_from: str) -> InboundMessage:
        delivery = Delivery(
            account=account,
            raw=raw,
            received_at=self.now,
            intake="smtp",
            mail_from=mail_from,
            rcpt_to=tuple(rcpt_to),
            peer="192.0.2.1",
        )
        try:
            normalized = await self._normalize(delivery)
        except InvalidDeliveryError as error:
            return undecodable(delivery, error.reason)
        for blob in normalized.blobs:
            await self.relay.keep(blob)
        return normalized.message

    async def route(self, messages: Sequence[InboundMessage]) -> None:
        """Route as one batch."""
        router = BatchRouter(
            store=self._store, policies=self.policies, source=SOURCE, clock=self.clock, own_text=reply_text
        )
        await router.route(Part(log=NOWHERE, moves=(), messages=[Routable(message=m) for m in messages]))

    async def settle(self) -> None:
        """Look again at what is held, tell notices, and send what is due, as the daemon does all the time."""
        async with self.lab.pool.connection() as connection:
            instance = await read_or_create(connection)
        second_look = SecondLook(store=self._store, policies=self.policies, source=SOURCE, clock=self.clock)
        while await second_look.round():
            pass
        await self._noticer(instance).turn()
        while await self._sending.round():
            pass

    def _noticer(self, instance: Instance) -> NoticeWorker:
        return NoticeWorker(
            desk=NoticeDesks(store=self._notices, instance=instance),
            accounts={name: found.account() for name, found in self.settings.account_notices.items()},
            senders=desks(self.settings),
            limits=self.settings.notices.limits(),
            clock=self.clock,
            heard=lambda _reason, _state, _count: None,
        )

    def _sender(self) -> SendingWorker:
        marker = Marker(store=self._store, source=SOURCE, clock=self.clock, metrics=self.relay, pace=Pace())
        return SendingWorker(
            queue=PostgresSends(pool=self.lab.pool),
            blobs=self.relay,
            channels={"mail": self.relay},
            marker=marker,
            health=self.relay,
            clock=self.clock,
            store_errors=(),
        )


def settings_of(own: Table, number: int) -> Settings:
    """Read settings as the daemon does. Names of accounts, scopes and old desks carry the scenario's number."""
    table = _laid_over(USUAL, own)
    accounts = table["accounts"]
    for account in accounts.values():
        if "scope" in account:
            account["scope"] = f"{account['scope']}-{number}"
    table["accounts"] = {f"{name}-{number}": account for name, account in accounts.items()}
    desks_ = table.get("legacy", {})
    for old in desks_.values():
        if "accounts" in old:
            old["accounts"] = [f"{name}-{number}" for name in old["accounts"]]
    table["legacy"] = {f"{name}-{number}": old for name, old in desks_.items()}
    return load(None, dict(_variables("SWITCHBOARD", table)), Path("/nowhere")).settings


def _laid_over(below: Table, above: Table) -> Table:
    both = {
        key: _laid_over(below.get(key, {}), value) if isinstance(value, dict) else value for key, value in above.items()
    }
    kept = {key: _laid_over(value, {}) if isinstance(value, dict) else value for key, value in below.items()}
    return {**kept, **both}


def _variables(path: str, table: Table) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        name = f"{path}_{key.upper()}" if path == "SWITCHBOARD" else f"{path}__{key.upper()}"
        if isinstance(value, dict):
            yield from _variables(name, value)
        elif isinstance(value, list | bool):
            yield name, json.dumps(value)
        else:
            yield name, str(value)
