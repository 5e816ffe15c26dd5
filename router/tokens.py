"""Signs tokens and tells true ones from others. Pure; keys come from the store (`signing_keys`).

A tag is HMAC-SHA256 over the installation's id and the token's octets, so that a token is worth nothing at another
installation, after its key was retired, or with one letter changed. Comparing takes the same time for right and wrong.
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from schemas.tokens import TAG_OCTETS, Token, read_token

_PURPOSE: Final = b"switchboard-token/1\0"
_OPENED_MODULUS: Final = 1 << 24


class NoKeyError(Exception):
    """Nothing can be signed: there is no key that is not retired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key of the installation. A retired one signs nothing, and what it signed is refused."""

    id: int
    secret: bytes = field(repr=False)
    retired: bool = False


class Verified(NamedTuple):
    """A true token: which ticket and message it was made for. `opened` must fit the ticket (`opened_mark`)."""

    ticket_id: int
    message_id: int
    opened: int


class Signer:
    """The keys of one installation, the newest last."""

    def __init__(self, *, instance_id: UUID, keys: Iterable[SigningKey]) -> None:
        self._instance_id = instance_id
        self._instance = sha256(instance_id.bytes).digest()[:2]
        self._keys = {key.id: key for key in keys}

    def issue(self, *, ticket_id: int, message_id: int, opened_at: datetime) -> str:
        """Make the token of a message. Raises `NoKeyError`."""
        key = next((key for key in reversed(self._keys.values()) if not key.retired), None)
        if key is None:
            raise NoKeyError("no signing key: `switchboard keys rotate` makes one")
        unsigned = Token(key.id, self._instance, ticket_id, message_id, opened_mark(opened_at), b"")
        return unsigned._replace(tag=self._tag(key, unsigned)).text()

    def knows(self, text: str) -> bool:
        """Whether the key that a token names is known here, retired or not: if not, the keys may be read anew."""
        token = read_token(text)
        return token is None or token.instance != self._instance or token.key_id in self._keys

    def verify(self, text: str) -> Verified | str:
        """Give what a true token says, or why it is none, for people."""
        token = read_token(text)
        if token is None:
            return "it has not the form of a token"
        if token.instance != self._instance:
            return "it is another installation's token"
        key = self._keys.get(token.key_id)
        if key is None:
            return "no key of ours signed it"
        if not hmac.compare_digest(self._tag(key, token), token.tag):
            return "its signature is wrong: it was altered or made up"
        if key.retired:
            return "its key was retired"
        return Verified(token.ticket_id, token.message_id, token.opened)

    def _tag(self, key: SigningKey, token: Token) -> bytes:
        signed = b"".join((_PURPOSE, self._instance_id.bytes, token.body()))
        return hmac.digest(key.secret, signed, "sha256")[:TAG_OCTETS]


def opened_mark(opened_at: datetime) -> int:
    """Give what a token says of a ticket's opening: a restored store may give a ticket's id to another ticket."""
    return int(opened_at.timestamp()) % _OPENED_MODULUS
