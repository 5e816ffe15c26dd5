"""Settings of the HTTP listener through which platforms, chats and forms come in."""

from pydantic import BaseModel, ConfigDict, Field


class IntakeSettings(BaseModel):
    """The HTTP listener for webhooks, chats and forms. It listens only where an account needs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1, description="address to listen on; behind a proxy with TLS")
    port: int = Field(default=8081, ge=1, le=65535, description="port to listen on")
    connections: int = Field(
        default=2048,
        ge=16,
        le=100_000,
        description="HTTP connections at a time; open chats are counted by their accounts",
    )
    public_url: str = Field(
        default="",
        pattern=r"^(https://[^\s?#]+[^\s?#/]|http://(localhost|127\.0\.0\.1)(:\d+)?)?$",
        description="where the world reaches it, such as https://in.example.org; platforms are told to call there",
    )
