"""What an operator can set. One TOML file, every key also by environment; an unknown key is an error.

`daemon.settings_load.load` reads them and reports every mistake at once; `daemon.settings_checks` holds the rules
between sections. Sizes are bytes, times are in the unit that the key names.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    SerializeAsAny,
    StringConstraints,
)

from connectors.base import Account
from connectors.mail.settings import MailAccountSettings, SmtpSettings
from daemon.settings_api import ApiSettings
from daemon.settings_intake import IntakeSettings
from daemon.settings_legacy import LegacySettings
from daemon.settings_notices import AccountNoticesSettings, NoticesSettings
from daemon.settings_outbound import OutboundSettings
from daemon.settings_staff import StaffSettings
from daemon.settings_webhooks import WebhooksSettings
from router.policy import AccountPolicy, Otherwise, SenderMatch, Strangers, Takes
from schemas.message import Name


class Section(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Section):
    """Where tickets live."""

    url: SecretStr | None = Field(
        default=None, description="postgresql://... of PostgreSQL >= 14; not set: the embedded server in data_dir"
    )
    connections: PositiveInt = Field(default=10, le=500, description="at most, for each process")

    @property
    def embedded(self) -> bool:
        """Say whether the daemon runs its own PostgreSQL."""
        return self.url is None


Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,199}$")]


class BusSettings(Section):
    """The topic log."""

    engine: Literal["postgres", "kafka"] = Field(
        default="postgres", description="postgres: a log in the store's server"
    )
    inbound_topic: Topic = Field(default="switchboard.inbound", description="records that wait for the router")
    tickets_topic: Topic = Field(default="switchboard.tickets", description="ticket events, for other systems")
    partitions: int = Field(
        default=8, ge=1, le=1000, description="of each topic, over which keys go; never lower it while records wait"
    )
    inbound_hours: PositiveFloat = Field(default=14 * 24, description="kept at least so long, and until routed")
    tickets_hours: PositiveFloat = Field(default=7 * 24, description="ticket events; consumers must read within it")
    kafka: SerializeAsAny[BaseModel] | None = Field(default=None, description="[bus.kafka]: bus.kafka_settings")


class RouterSettings(Section):
    """How records become tickets."""

    batch: int = Field(default=1000, ge=1, le=5000, description="records that are fetched at a time, at most")
    fuse: PositiveInt = Field(default=20, description="dead letters in a row after which the router stops")


class PolicySettings(Section):
    """What an account wants done with its messages."""

    sender_match: SenderMatch = Field(
        default=SenderMatch.VERIFIED,
        description="whose mail may join by number, or by sender and subject: verified, any, off",
    )
    sender_window_hours: PositiveFloat = Field(default=7 * 24, description="since the ticket's last message")
    reopen_window_hours: PositiveFloat = Field(default=14 * 24, description="a reply to a closed ticket reopens it")
    idle_window_hours: float | None = Field(
        default=None,
        gt=0,
        description="in conversations a message reopens a closed ticket; not set: 72, webchat 24, forms and api 336",
    )
    live_minutes: PositiveFloat = Field(
        default=10, description="a live chat in which nobody answers for so long becomes a ticket like others"
    )
    unmatched: Otherwise = Field(default=Otherwise.HOLD, description="replies that match no ticket: hold or new")
    automatic: Otherwise = Field(default=Otherwise.HOLD, description="automatic mail that answers nothing: hold or new")
    takes: Takes = Field(default=Takes.ALL, description="all, or replies alone")
    strangers: Strangers = Field(
        default=Strangers.HOLD,
        description="answers by people who take no part in the ticket: hold, or attach them for agents' eyes alone",
    )

    def policy(self) -> AccountPolicy:
        """Give it as the router sees it."""
        return AccountPolicy(
            sender_match=self.sender_match,
            sender_window=timedelta(hours=self.sender_window_hours),
            reopen_window=timedelta(hours=self.reopen_window_hours),
            idle_window=None if self.idle_window_hours is None else timedelta(hours=self.idle_window_hours),
            live_for=timedelta(minutes=self.live_minutes),
            unmatched=self.unmatched,
            automatic=self.automatic,
            takes=self.takes,
            strangers=self.strangers,
        )


class BlobSettings(Section):
    """Where raw deliveries, attachments and long texts live."""

    path: Path | None = Field(default=None, description="default: data_dir/blobs")
    shared: bool = Field(default=False, description="true: every machine of the deployment sees this folder")


class HttpSettings(Section):
    """Health and metrics for the machines around us."""

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8080, ge=0, le=65535, description="0 = off")


class LogSettings(Section):
    """What the daemon says on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="the least that is said")
    format: Literal["auto", "json", "console"] = Field(default="auto", description="auto: console on a terminal")


class RetentionSettings(Section):
    """How long finished things are kept."""

    outbox_hours: PositiveFloat = Field(default=7 * 24, description="ticket events after they were published")
    notice_days: float = Field(
        default=30, ge=2, description="whom a notice was for, after it was sent or suppressed; then the address goes"
    )


class SpoolSettings(Section):
    """How long held messages wait."""

    keep_machine_days: PositiveFloat = Field(
        default=30, description="then bounces and automatic answers are discarded; people's messages never are"
    )
    alert_hours: PositiveFloat = Field(default=24, description="a message that waits longer is overdue")


Accounts = Mapping[str, SerializeAsAny[BaseModel]]


class Settings(Section):
    """Everything, checked."""

    data_dir: Path = Field(default=Path("var"), description="the daemon's own folder")
    store: StoreSettings = StoreSettings()
    bus: BusSettings = BusSettings()
    blobs: BlobSettings = BlobSettings()
    smtp: SmtpSettings = SmtpSettings()
    intake: IntakeSettings = IntakeSettings()
    api: ApiSettings = ApiSettings()
    router: RouterSettings = RouterSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    spool: SpoolSettings = SpoolSettings()
    notices: NoticesSettings = NoticesSettings()
    staff: StaffSettings = StaffSettings()
    outbound: OutboundSettings = OutboundSettings()
    webhooks: WebhooksSettings = WebhooksSettings()
    accounts: Accounts = Field(default_factory=dict, description="by name; the channel says which keys they have")
    policies: Mapping[str, PolicySettings] = Field(
        default_factory=dict, description="by account; written as [accounts.NAME.policy]"
    )
    legacy: Mapping[Name, LegacySettings] = Field(default_factory=dict, description="by name: desks used before")
    account_notices: Mapping[str, AccountNoticesSettings] = Field(
        default_factory=dict, description="by account; written as [accounts.NAME.notices]"
    )

    @property
    def blob_folder(self) -> Path:
        """Folder of the local blob store."""
        return self.blobs.path or self.data_dir / "blobs"

    @property
    def written_folders(self) -> tuple[Path, Path]:
        """Folders whose disks must not become full: ours (PostgreSQL, bodies on their way) and that of the blobs."""
        return self.data_dir, self.blob_folder

    @property
    def postgres_folder(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.data_dir / "postgres"

    @property
    def shortest_patience(self) -> timedelta | None:
        """How long the least patient platform in use tries again; None when every one of them does for ever."""
        known = (getattr(account, "patience", None) for account in self.accounts.values())
        return min((patience for patience in known if patience is not None), default=None)

    def mail_accounts(self) -> dict[str, MailAccountSettings]:
        """Give the accounts of the mail channel by name."""
        return {name: found for name, found in self.accounts.items() if isinstance(found, MailAccountSettings)}

    def account(self, name: str) -> Account:
        """Give an account of any channel, as connectors see it. Raises `KeyError`."""
        found = self.accounts[name]
        return Account(
            name=name, channel=str(getattr(found, "channel", "")), scope=getattr(found, "scope", None) or name
        )
