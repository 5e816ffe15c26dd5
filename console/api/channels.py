"""The channels and their accounts."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from console.api.access import ChannelsReader
from console.api.ports import Channels


class AccountState(BaseModel):
    """How an account is."""

    account: str
    state: str = Field(description="listening, polling, trouble, starting; silent: no process serves it; or unknown")
    problem: str = Field(description="what is wrong, for people; empty when nothing is")
    since: datetime | None = Field(description="so long it has been in this state")
    delivered_at: datetime | None = Field(description="when the last delivery was stored")
    refused: dict[str, int] = Field(description="deliveries refused today (UTC), by reason: they were never accepted")
    paused_until: datetime | None = Field(description="the platform told us to wait with what we send")
    waiting: int = Field(description="messages of ours that are not sent yet")
    waiting_since: datetime | None = Field(description="when the oldest of them was written")


class QualityRule(BaseModel):
    """How far a channel is with one rule."""

    state: str = Field(description="done, todo or exempt")
    why: str


class Channel(BaseModel):
    """A channel, how it is, and how good it is."""

    channel: str
    what: str
    accounts: list[AccountState] = Field(description="those that the token reaches")
    quality: dict[str, QualityRule]
    quality_summary: str


class ChannelList(BaseModel):
    """All of them."""

    items: list[Channel]


def router(channels: Channels) -> APIRouter:
    """Make the path."""
    paths = APIRouter(tags=["channels"])

    @paths.get("/channels")
    async def list_channels(token: ChannelsReader) -> ChannelList:
        """List the channels, each with those of its accounts that the token reaches, and how they are now."""
        return ChannelList(items=[Channel.model_validate(row) for row in await channels.all(token.accounts)])

    return paths
