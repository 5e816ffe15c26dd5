"""Puts the rooms together: engines, stores and connectors made from the settings."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import bus
import ticket_store
from bus.port import BusUnavailableError, Log, NewRecord, Place, Publisher
from daemon.errors import UserError
from daemon.settings import Settings
from lifecycle.statuses import Move, Reason, Status, move
from router.policy import AccountPolicy, Policies
from schemas.message import Party
from ticket_store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from ticket_store.migrate import Component

if TYPE_CHECKING:
    from bus.kafka_settings import KafkaSettings

MIGRATING: Final = (bus, ticket_store)
"""Rooms with tables. Named, not looked for: where we are installed, other distributions have folders beside ours."""
GROUP: Final = "switchboard.router"
"""Consumer group of the routers, and the name under which their offsets stand in the store."""


def components() -> list[Component]:
    """Give every room that has migrations, in the order of names."""
    return [(room.__name__, Path(path) / "migrations") for room in MIGRATING for path in room.__path__]


def postgres(settings: Settings) -> EmbeddedPostgres:
    """Give the handle on the embedded server."""
    return EmbeddedPostgres(folder=settings.postgres_folder)


def database_url(settings: Settings) -> str:
    """Give the connection string of the store. Raises `UserError` when the embedded server does not run."""
    if settings.store.url is not None:
        return settings.store.url.get_secret_value()
    try:
        return postgres(settings).url()
    except EmbeddedPostgresError as error:
        raise UserError(str(error)) from error


def make_log(settings: Settings, url: str) -> Log:
    """Make the engine that the settings choose; nothing connects yet."""
    if settings.bus.engine == "kafka":
        kafka = import_module("bus.kafka")  # takes a third of a second, so only for those who use it
        return cast("Log", kafka.KafkaLog(settings=cast("KafkaSettings", settings.bus.kafka)))
    from bus.postgres import PostgresLog  # noqa: PLC0415 - the other half of the choice

    return PostgresLog(conninfo=url)


async def ensure_topics(log: Log, settings: Settings) -> None:
    """Create both topics, or raise their number of partitions."""
    bus = settings.bus
    await log.ensure_topic(bus.inbound_topic, partitions=bus.partitions, retention_hours=bus.inbound_hours)
    await log.ensure_topic(bus.tickets_topic, partitions=bus.partitions, retention_hours=bus.tickets_hours)


class LatePublisher:
    """A publisher that may be opened after callers have come: until then the bus counts as down."""

    def __init__(self, *, open_: Callable[[], Awaitable[Publisher]]) -> None:
        self._open = open_
        self._publisher: Publisher | None = None

    @property
    def is_open(self) -> bool:
        """Say whether publishing can work."""
        return self._publisher is not None

    async def open(self) -> None:
        """Open it; raises what the engine raises, and may be tried again."""
        self._publisher = await self._open()

    async def publish(self, topic: str, records: Sequence[NewRecord]) -> Sequence[Place]:
        """Store all records; see `bus.port.Publisher`."""
        if self._publisher is None:
            raise BusUnavailableError("the bus has not answered since the start")
        return await self._publisher.publish(topic, records)


def desks(settings: Settings) -> dict[str, Party]:
    """Give the address from which each account's messages come, and the name beside it."""
    hostname = settings.smtp.hostname
    return {name: account.desk(hostname) for name, account in settings.mail_accounts().items()}


def status_move(current: str, target: str, at: datetime) -> Move:
    """Give an operator's move of a status. Raises `MoveError`."""
    return move(current, Status(target), reason=Reason.OPERATOR, at=at)


def policies(settings: Settings) -> Policies:
    """Give what each account wants done with its messages, as the router sees it."""
    accounts = settings.mail_accounts()
    own = {name: [a for a in account.addresses if not a.endswith("@*")] for name, account in accounts.items()}
    senders = {name: desk.address for name, desk in desks(settings).items()}
    return Policies(
        accounts={name: _policy(settings, name) for name in settings.policies},
        own_addresses=frozenset(senders.values()).union(*own.values()),
        staff=settings.staff.staff(),
        senders=senders,
        default=AccountPolicy(),
        legacy=tuple(desk.desk(name) for name, desk in settings.legacy.items()),
    )


def _policy(settings: Settings, account: str) -> AccountPolicy:
    notices = settings.account_notices.get(account)
    policy = settings.policies[account].policy()
    return policy if notices is None else replace(policy, notices=notices.policy(settings.notices))
