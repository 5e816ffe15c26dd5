"""Settings of the api channel. An unknown key is an error."""

import base64
import binascii
from datetime import timedelta
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, SecretStr

from schemas.message import Name

PREFIX: Final = "whsec_"
MIN_BYTES: Final = 24
"""Standard Webhooks asks for 24 to 64 random bytes."""


def key_of(secret: SecretStr) -> bytes:
    """Give the key that a written secret holds. Raises `ValueError` without its value in the text."""
    try:
        key = base64.b64decode(secret.get_secret_value().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a secret is whsec_ and the base64 of 24 random bytes or more") from None
    if len(key) < MIN_BYTES:
        raise ValueError(f"a secret has {MIN_BYTES} bytes at least: openssl rand -base64 32")
    return key


def _checked(secret: SecretStr) -> SecretStr:
    key_of(secret)
    return secret


Secret = Annotated[SecretStr, AfterValidator(_checked)]


class ApiAccountSettings(BaseModel):
    """A system that sends us messages by signed requests (`POST /in/api/NAME`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: ClassVar[timedelta] = timedelta(days=1)
    """How long a caller must try again while we say "later" (docs/how-to/send-by-api.md)."""

    channel: Literal["api"] = Field(description="the kind of source")
    scope: Name | None = Field(default=None, description="accounts of one scope share tickets; default: its own name")
    secret: Secret = Field(description="whsec_ and the base64 of 24 random bytes or more, which the caller has, too")
    old_secret: Secret | None = Field(default=None, description="also accepted, while callers change to the new one")
    callback_url: str = Field(
        default="",
        max_length=2048,
        pattern=r"^(https?://[\x21-\x7e]+)?$",
        description="where answers are posted, signed with the secret; not set: the system collects them from events",
    )
    tolerance_seconds: PositiveInt = Field(default=300, le=3600, description="age of a signature at most, and lead")
