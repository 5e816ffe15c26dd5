"""Settings of a VK community."""

from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, model_validator

from connectors.base import Account
from schemas.message import Name


class VkAccountSettings(BaseModel):
    """One community. Its name is the key under which it stands in the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: ClassVar[timedelta] = timedelta(hours=1)
    """How long VK keeps events for a poller, and tries a callback again, is not promised: an hour is what was seen."""

    channel: Literal["vk"] = Field(default="vk", description="the kind of source")
    scope: Name | None = Field(default=None, description="accounts of one scope share tickets; default: its own name")
    group_id: PositiveInt = Field(description="the community's number, without a sign")
    token: SecretStr = Field(min_length=8, max_length=512, description="the community's access key, with messages")
    intake: Literal["callback", "longpoll"] = Field(
        default="callback", description="callback: VK calls us; longpoll: we ask. Never both for one community"
    )
    secret: SecretStr | None = Field(
        default=None, min_length=8, max_length=50, description="secret key of the callback server; callback needs it"
    )
    confirmation: str = Field(
        default="", max_length=64, description="what a confirmation is answered with; not set: asked of VK at the start"
    )
    base_url: str = Field(default="https://api.vk.com", pattern=r"^https?://[^\s/]+$", description="VK's API")
    timeout_seconds: PositiveFloat = Field(default=30.0, le=300, description="for one call of the API")

    @model_validator(mode="after")
    def _has_a_secret(self) -> Self:
        if self.intake == "callback" and self.secret is None:
            msg = "secret is not set: without it anybody could write as anybody (or set intake = 'longpoll')"
            raise ValueError(msg)
        return self

    def account(self, name: str) -> Account:
        """Give the account as connectors see it."""
        return Account(name=name, channel=self.channel, scope=self.scope or name)
