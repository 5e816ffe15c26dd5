"""Settings of the HTTP API."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class ApiSettings(BaseModel):
    """The HTTP API: the role `console`. Put a proxy with TLS before it when others than this machine shall reach it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8082, ge=0, le=65535, description="0 = off")
    requests_per_minute: PositiveInt = Field(default=600, le=1_000_000, description="of one token; a sixth at once")
    streams: PositiveInt = Field(default=100, le=10_000, description="readers of /events at a time")
    streams_per_token: PositiveInt = Field(default=10, le=10_000, description="of these, readers with one token")
    events_hours: PositiveFloat = Field(default=72, description="so long a reader of /events may be away")
