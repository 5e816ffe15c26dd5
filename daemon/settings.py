"""What an operator can set. One TOML file, every key also by environment; an unknown key is an error.

`daemon.settings_load.load` reads them and reports every mistake at once; `daemon.settings_checks` holds the rules
between sections. Sizes are bytes, times are in the unit that the key names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, SerializeAsAny

from connectors.mail.settings import MailAccountSettings, SmtpSettings


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


class BlobSettings(Section):
    """Where raw deliveries, attachments and long texts live."""

    path: Path | None = Field(default=None, description="default: data_dir/blobs")
    shared: bool = Field(default=False, description="true: every machine of the deployment sees this folder")


class HttpSettings(Section):
    """Health and metrics for the machines around us."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8080, ge=0, le=65535, description="0 = off")


class LogSettings(Section):
    """What the daemon says on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = Field(default="auto", description="auto: console on a terminal")


class RetentionSettings(Section):
    """How long finished things are kept."""

    outbox_hours: PositiveFloat = Field(default=7 * 24, description="ticket events after they were published")


Accounts = Mapping[str, SerializeAsAny[BaseModel]]


class Settings(Section):
    """Everything, checked."""

    data_dir: Path = Field(default=Path("var"), description="the daemon's own folder")
    store: StoreSettings = StoreSettings()
    blobs: BlobSettings = BlobSettings()
    smtp: SmtpSettings = SmtpSettings()
    http: HttpSettings = HttpSettings()
    log: LogSettings = LogSettings()
    retention: RetentionSettings = RetentionSettings()
    accounts: Accounts = Field(default_factory=dict, description="by name; the channel says which keys they have")

    @property
    def blob_folder(self) -> Path:
        """Folder of the local blob store."""
        return self.blobs.path or self.data_dir / "blobs"

    @property
    def postgres_folder(self) -> Path:
        """Folder of the embedded PostgreSQL."""
        return self.data_dir / "postgres"

    def mail_accounts(self) -> dict[str, MailAccountSettings]:
        """Give the accounts of the mail channel by name."""
        return {name: found for name, found in self.accounts.items() if isinstance(found, MailAccountSettings)}
