"""Settings of a web form."""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    StringConstraints,
    model_validator,
)

from schemas.message import Name

Origin = Annotated[str, StringConstraints(pattern=r"^https?://[a-z0-9.-]+(:[0-9]{1,5})?$")]
"""A page's origin as browsers write it: scheme, host in lower case, port where it is not the usual one."""
Asked = Literal["name", "email", "phone", "organisation", "installation"]
"""What a form may ask beside summary, message and files; `installation` is a serial number."""


class WebformAccountSettings(BaseModel):
    """One form, to which many links lead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: ClassVar[timedelta] = timedelta(minutes=10)
    """How long a page is usually open; it keeps the draft, and tries again when the person comes back."""

    channel: Literal["webform"] = Field(default="webform", description="the kind of source")
    scope: Name | None = Field(default=None, description="accounts of one scope share tickets; default: its own name")
    secret: SecretStr = Field(min_length=32, max_length=255, description="signs links, and private links to dialogues")
    origins: tuple[Origin, ...] = Field(
        default=(), max_length=100, description="sites that may embed it or call its endpoint from a page; no others"
    )
    title: str = Field(default="Support", min_length=1, max_length=60, description="stands above the form")
    ask: tuple[Asked, ...] = Field(
        default=("name", "email"),
        description="name, email, phone, organisation, installation (serial number); what a link says is not asked",
    )
    needed: tuple[Asked, ...] = Field(default=("name",), description="which of `ask` must be filled in")
    too_large: str = Field(
        default="", max_length=500, description="how to share files over 20 MiB; said when one is refused"
    )
    least_seconds: NonNegativeFloat = Field(
        default=3.0, le=60, description="seconds from opening to sending; whoever is faster waits"
    )
    dialogue_days: PositiveFloat = Field(
        default=90.0, le=3650, description="for so long the private link to a dialogue opens it"
    )
    behind_proxy: bool = Field(
        default=False, description="true: the caller's address is the last one in X-Forwarded-For, which a proxy sets"
    )
    requests_per_hour_address: PositiveInt = Field(default=20, description="new requests of one address")
    requests_per_hour_link: PositiveInt = Field(default=200, description="new requests by one link")
    messages_per_minute: PositiveInt = Field(default=10, description="in one dialogue, in the long run")
    max_waiting: PositiveInt = Field(
        default=500, description="pages that wait for an answer on an open connection, in one process; others look"
    )

    @model_validator(mode="after")
    def _asks_what_is_needed(self) -> Self:
        if missing := set(self.needed) - set(self.ask):
            raise ValueError(f"needed, but not asked: {', '.join(sorted(missing))}")
        return self
