"""Settings of a Telegram account. Whatever names a fault here names no value: the token is a password."""

import re
from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat, SecretStr, model_validator

from connectors.base import Account
from schemas.message import Name

OFFICIAL: Final = "https://api.telegram.org"

_TOKEN: Final = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,128}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{16,256}")
_LOOPBACK: Final = {"127.0.0.1", "localhost", "::1"}


def _token(token: SecretStr) -> SecretStr:
    if _TOKEN.fullmatch(token.get_secret_value()) is None:
        msg = "write the token as BotFather gave it: digits, a colon, letters"
        raise ValueError(msg)
    return token


def _secret(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and _SECRET.fullmatch(secret.get_secret_value()) is None:
        msg = "write 16 to 256 letters, digits, _ and -"
        raise ValueError(msg)
    return secret


def _server(url: str) -> str:
    found = urlsplit(url)
    if found.scheme != "https" and not (found.scheme == "http" and found.hostname in _LOOPBACK):
        msg = "write https://host; plain http goes to this machine alone"
        raise ValueError(msg)
    if not found.hostname or found.username is not None or found.query or found.fragment:
        msg = "write https://host[:port][/path] and nothing else"
        raise ValueError(msg)
    return url.rstrip("/")


class TelegramSettings(BaseModel):
    """One bot. Its name is the key under which it stands in the settings."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    patience: ClassVar[timedelta] = timedelta(days=1)
    """How long Telegram keeps an update that nobody took (Bot API, "Getting updates")."""

    channel: Literal["telegram"] = Field(default="telegram", description="the kind of source")
    scope: Name | None = Field(default=None, description="accounts of one scope share tickets; default: its own name")
    token: Annotated[SecretStr, AfterValidator(_token)] = Field(description="the bot's token, from BotFather")
    intake: Literal["poll", "webhook"] = Field(default="poll", description="ask Telegram, or be called by it")
    webhook_secret: Annotated[SecretStr | None, AfterValidator(_secret)] = Field(
        default=None, description="secret_token of setWebhook; needed where intake is webhook"
    )
    base_url: Annotated[str, AfterValidator(_server)] = Field(
        default=OFFICIAL, description="another Bot API server; plain http on loopback alone"
    )
    proxy: SecretStr | None = Field(
        default=None, description="URL of an HTTP proxy for calls to Telegram; the environment's proxies do not count"
    )
    poll_seconds: float = Field(default=50.0, ge=0, le=50, description="how long Telegram holds a question open")
    timeout_seconds: PositiveFloat = Field(default=20.0, description="for an answer to any other call")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.intake == "webhook" and self.webhook_secret is None:
            msg = "intake is webhook, but webhook_secret is not set: anybody could write to it"
            raise ValueError(msg)
        return self

    def account(self, name: str) -> Account:
        """Give the account as connectors see it."""
        return Account(name=name, channel=self.channel, scope=self.scope or name)
