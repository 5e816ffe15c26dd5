"""Settings of a web chat."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, SecretStr, StringConstraints

from schemas.message import Name

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
"""A page's origin as browsers write it: scheme, host in lower case, port where it is not the usual one."""


class WebchatAccountSettings(BaseModel):
    """One chat: a widget that one or several sites show."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: ClassVar[timedelta] = timedelta(minutes=10)
    """How long a page is usually open; it tries again for so long, and when the visitor comes back."""

    channel: Literal["webchat"] = Field(default="webchat", description="the kind of source")
    scope: Name | None = Field(default=None, description="accounts of one scope share tickets; default: its own name")
    secret: SecretStr = Field(
        min_length=32, max_length=255, description="signs visitors; a host site signs its users with it (HMAC-SHA256)"
    )
    origins: tuple[Origin, ...] = Field(
        min_length=1, max_length=100, description="sites that may show it, such as https://www.example.org; no others"
    )
    title: str = Field(default="Support", min_length=1, max_length=60, description="stands above the chat")
    too_large: str = Field(
        default="", max_length=500, description="how to share files over 20 MiB; said when one is refused"
    )
    token_days: PositiveFloat = Field(default=30.0, le=365, description="a visitor who stays away longer begins anew")
    behind_proxy: bool = Field(
        default=False, description="true: the caller's address is the last one in X-Forwarded-For, which a proxy sets"
    )
    max_sockets: PositiveInt = Field(default=20_000, description="open chats in one process")
    max_sockets_per_address: PositiveInt = Field(default=50, description="open chats from one address")
    messages_per_minute: PositiveInt = Field(default=30, description="of one visitor, in the long run")
    messages_per_minute_address: PositiveInt = Field(default=120, description="of all visitors of one address")
    messages_per_second: PositiveInt = Field(default=1_000, description="of the whole account, in one process")
