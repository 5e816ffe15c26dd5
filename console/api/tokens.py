"""Tokens of the API: `sbt_<public part>_<secret>`. The public part finds the row, the secret's digest proves it."""

import re
from base64 import b32encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import Final

PREFIX_BYTES: Final = 5
SECRET_BYTES: Final = 25
"""Random octets of a secret: 200 bits, so one round of sha256 is enough for what is stored."""

_FORM: Final = re.compile(r"sbt_([a-z2-7]{8})_([a-z2-7]{40})", re.ASCII)
_NOBODY: Final = bytes(32)


class Scope(StrEnum):
    """What a token may do."""

    TICKETS_READ = "tickets:read"
    TICKETS_WRITE = "tickets:write"
    SPOOL_READ = "spool:read"
    SPOOL_WRITE = "spool:write"
    ATTACHMENTS_READ = "attachments:read"
    CHANNELS_READ = "channels:read"
    EVENTS_READ = "events:read"
    WEBHOOKS = "webhooks"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredToken:
    """A token as the store knows it. `accounts` None: every account."""

    id: int
    prefix: str
    digest: bytes = field(repr=False)
    name: str
    scopes: frozenset[str]
    accounts: frozenset[str] | None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def sees(self, account: str) -> bool:
        """Say whether it reaches an account."""
        return self.accounts is None or account in self.accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token just made: the only moment at which its text is known."""

    prefix: str
    text: str = field(repr=False)
    digest: bytes = field(repr=False)


def new_token(random: Callable[[int], bytes]) -> NewToken:
    """Make a token. `random` gives so many octets that nobody can guess."""
    prefix, secret = _letters(random(PREFIX_BYTES)), _letters(random(SECRET_BYTES))
    return NewToken(prefix=prefix, text=f"sbt_{prefix}_{secret}", digest=_digest(secret))


def parts(text: str) -> tuple[str, str] | None:
    """Give a token's public part and secret; None for what is no token."""
    match = _FORM.fullmatch(text)
    return (match[1], match[2]) if match else None


def proves(found: StoredToken | None, secret: str, *, now: datetime) -> bool:
    """Say whether a secret is that of a token which has not ended. Takes as long when there is no such token."""
    right = compare_digest(_digest(secret), found.digest if found else _NOBODY)
    if found is None or not right or found.revoked_at is not None:
        return False
    return found.expires_at is None or now < found.expires_at


def _digest(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def _letters(content: bytes) -> str:
    return b32encode(content).decode().lower()
