"""Rows about files that lie at a platform and are fetched."""

from datetime import datetime
from typing import NamedTuple


class FetchRow(NamedTuple):
    """A file to be fetched; `message_id` is the message whose raw names it."""

    message_id: int
    platform_id: str
    account: str
    due_at: datetime


class DueFetch(NamedTuple):
    """A file taken by one worker; `attempt` tells its claim from an earlier one's.

    `sha256` and `size` are there when it was fetched before.
    """

    message_id: int
    platform_id: str
    account: str
    attempt: int
    created_at: datetime
    sha256: str | None
    size: int | None
    raw_sha256: str


class FetchResult(NamedTuple):
    """What became of a file: stored, refused or failed."""

    message_id: int
    platform_id: str
    attempt: int
    state: str
    problem: str
    sha256: bytes | None
    size: int | None
    now: datetime
