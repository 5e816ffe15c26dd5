"""Settings of what we send: through which relay, and how patiently."""

from datetime import timedelta
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, SecretStr, model_validator

from connectors.mail.settings import is_loopback
from router.deliveries import Pace
from router.sending import SenderOptions


class RelayTls(StrEnum):
    """How the connection to a relay is encrypted."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


class RelaySettings(BaseModel):
    """The SMTP relay through which replies leave. It decides how a recipient's server is found."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="", max_length=255, description="name or address; not set: nothing is sent, replies wait")
    port: int = Field(default=587, ge=1, le=65535, description="587 for submission, 465 for implicit TLS, 25 plain")
    tls: RelayTls | None = Field(
        default=None,
        description="none, starttls or implicit; not set: none on a loopback host, implicit on port 465, else starttls",
    )
    tls_verify: bool = Field(default=True, description="check the relay's certificate and name")
    username: str = Field(default="", max_length=255, description="to log in; not set: no log-in")
    password: SecretStr | None = Field(default=None, description="to log in with")
    timeout_seconds: PositiveFloat = Field(default=60.0, le=600, description="for one answer of the relay")

    @model_validator(mode="after")
    def _keeps_the_password(self) -> Self:
        if self.username and self.tls is RelayTls.NONE and not is_loopback(self.host):
            msg = "tls is none and username is set: the password would cross the network in the clear"
            raise ValueError(msg)
        return self


class OutboundSettings(BaseModel):
    """How replies, notes and notices leave."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connections: int = Field(default=4, ge=1, le=100, description="to the relay at a time")
    give_up_hours: PositiveFloat = Field(default=5 * 24, description="since it was written; then it has failed")
    first_retry_seconds: PositiveFloat = Field(default=60.0, description="after a temporary refusal; doubles each time")
    longest_retry_seconds: PositiveFloat = Field(default=3600.0, description="between two tries")
    lease_seconds: float = Field(
        default=90.0, ge=1, le=3600, description="after which a worker that was killed is not waited for"
    )
    smtp: RelaySettings = RelaySettings()

    def options(self, *, notices: timedelta) -> SenderOptions:
        """Give them as the worker needs them. `notices`: after which one is too old to be sent."""
        pace = Pace(
            first=timedelta(seconds=self.first_retry_seconds),
            longest=timedelta(seconds=self.longest_retry_seconds),
            patience=timedelta(hours=self.give_up_hours),
            notices=notices,
        )
        return SenderOptions(at_once=self.connections, lease=timedelta(seconds=self.lease_seconds), pace=pace)
