"""Settings of the HTTP API and of what it sends."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class ApiSettings(BaseModel):
    """The HTTP API: the role `console`. Put a proxy with TLS before it when others than this machine shall reach it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(default=8082, ge=0, le=65535, description="0 = off, webhooks too")
    requests_per_minute: PositiveInt = Field(default=600, le=1_000_000, description="of one token; a sixth at once")
    streams: PositiveInt = Field(default=100, le=10_000, description="readers of /events at a time")
    events_hours: PositiveFloat = Field(default=72, description="so long a reader of /events may be away")
    webhook_give_up_hours: PositiveFloat = Field(default=5 * 24, description="since an event; then it is not sent")
    webhook_log_days: PositiveFloat = Field(default=14, description="attempts of finished deliveries are kept")
    webhook_loopback: bool = Field(
        default=False, description="allow http:// and https:// to this machine; else https:// to public addresses alone"
    )
