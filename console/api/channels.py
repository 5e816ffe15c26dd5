"""The channels and their accounts."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from console.api.access import ChannelsReader
from console.api.ports import Row


class Channel(BaseModel):
    """A channel, and how it is, as `switchboard channels --json` says it."""

    model_config = ConfigDict(extra="allow")

    channel: str
    accounts: list[Any]


class Channels(BaseModel):
    """All of them."""

    items: list[Channel]


def router(channels: Callable[[], Sequence[Row]]) -> APIRouter:
    """Make the path."""
    paths = APIRouter(tags=["channels"])

    @paths.get("/channels")
    async def list_channels(token: ChannelsReader) -> Channels:
        """List the channels, each with those of its accounts that the token reaches."""
        rows = [
            {**row, "accounts": [account for account in row["accounts"] if token.sees(str(account))]}
            for row in channels()
        ]
        return Channels(items=[Channel.model_validate(row) for row in rows])

    return paths
