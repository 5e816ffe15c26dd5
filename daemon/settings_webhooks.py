"""Settings of webhooks: how many at a time, how patiently, and which servers inside may be asked."""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

if TYPE_CHECKING:
    from connectors.posting_guard import Reach
    from router.webhooks.worker import Options

MARGIN: Final = 5.0
"""Seconds that a lease is longer than a request may take."""


class WebhooksSettings(BaseModel):
    """Ticket events to other systems: the role `webhooks`. Endpoints are kept by `switchboard webhooks`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    connections: int = Field(
        default=32, ge=0, le=1000, description="requests at a time; half of them for endpoints that fail; 0 = off"
    )
    per_endpoint: PositiveInt = Field(default=4, le=100, description="requests at a time to one endpoint that works")
    timeout_seconds: PositiveFloat = Field(default=15.0, le=120, description="for a whole request and its answer")
    give_up_hours: PositiveFloat = Field(default=72.0, description="an event is tried since its first try; then failed")
    disable_days: PositiveFloat = Field(
        default=5.0, description="an endpoint that accepts nothing for so long is disabled"
    )
    keep_hours: PositiveFloat = Field(
        default=7 * 24, description="so long an event waits for an endpoint that is paused, disabled or fails"
    )
    log_days: PositiveFloat = Field(
        default=14.0, description="dispatches are kept after they are over, with their events"
    )
    allow_hosts: tuple[str, ...] = Field(
        default=(),
        description="servers inside that may be asked: `desk.internal:8443`, or in the clear `http://10.0.0.5:8080`",
    )
    allow_networks: tuple[str, ...] = Field(
        default=(), description="networks inside that hosts on https and port 443 may be in: `10.1.0.0/16`"
    )
    ca_file: Path | None = Field(default=None, description="PEM of authorities to trust beside the system's own")

    @model_validator(mode="after")
    def _names_servers(self) -> Self:
        if self.allow_hosts or self.allow_networks:
            self.reach()
        return self

    def reach(self) -> "Reach":
        """Give where requests may go."""
        from connectors.posting_guard import Reach  # noqa: PLC0415 - its library is only for those who send

        return Reach.of(self.allow_hosts, self.allow_networks)

    def options(self) -> "Options":
        """Give them as the worker needs them."""
        from router.webhooks.schedule import Patience  # noqa: PLC0415 - see above
        from router.webhooks.worker import Options  # noqa: PLC0415 - see above

        return Options(
            places=self.connections,
            most=self.per_endpoint,
            lease=timedelta(seconds=self.timeout_seconds + MARGIN),
            patience=Patience(give_up=timedelta(hours=self.give_up_hours), disable=timedelta(days=self.disable_days)),
        )
