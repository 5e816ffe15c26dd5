"""Settings of a Viber bot."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, SecretStr

from connectors.base import Account
from schemas.message import Name


class ViberAccountSettings(BaseModel):
    """One bot. Its name is the key under which it stands in the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: ClassVar[timedelta] = timedelta(hours=1)
    """How long Viber tries a webhook again (its FAQ: several times for an hour)."""

    channel: Literal["viber"] = Field(default="viber", description="the kind of source")
    scope: Name | None = Field(default=None, description="accounts of one scope share tickets; default: its own name")
    token: SecretStr = Field(min_length=8, max_length=255, description="the bot's app key; it signs callbacks, too")
    sender_name: str = Field(
        default="Support", min_length=1, max_length=28, description="shown beside our messages; Viber takes 28 letters"
    )
    base_url: str = Field(
        default="https://chatapi.viber.com", pattern=r"^https?://[^\s/]+$", description="Viber's REST API"
    )
    max_age_hours: PositiveFloat = Field(
        default=24.0, description="older callbacks are refused: a signature has no time of its own"
    )
    timeout_seconds: PositiveFloat = Field(default=30.0, le=300, description="for one call of the REST API")

    def account(self, name: str) -> Account:
        """Give the account as connectors see it."""
        return Account(name=name, channel=self.channel, scope=self.scope or name)
