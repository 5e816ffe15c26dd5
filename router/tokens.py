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

from schemas.proofs import TAG_OCTETS as PAYLOAD_TAG
from schemas.proofs import Payload
from schemas.tokens import TAG_OCTETS, Token, read_token

_PURPOSE: Final = b"switchboard-token/1\0"
_PAYLOAD_PURPOSE: Final = b"switchboard-invitation/1\0"
_PROOF_PURPOSE: Final = b"switchboard-proof/1\0"
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
        key = self._newest()
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

    def payload(self, nonce: bytes) -> Payload:
        """Sign a proof of identity for a link. Raises `NoKeyError`."""
        key = self._newest()
        unsigned = Payload(key.id, nonce, b"")
        return unsigned._replace(tag=self._payload_tag(key, unsigned))

    def is_ours(self, payload: Payload) -> bool:
        """Whether we signed this proof, with a key that is not retired."""
        key = self._keys.get(payload.key_id)
        signed = key is not None and hmac.compare_digest(self._payload_tag(key, payload), payload.tag)
        return signed and key is not None and not key.retired

    def proof_digest(self, proof: str) -> bytes:
        """Give what is kept of a proof that we give out. Raises `NoKeyError`."""
        return self._proof_digest(self._newest(), proof)

    def proof_digests(self, proof: str) -> tuple[bytes, ...]:
        """Give all that may have been kept of a proof, by keys that are not retired."""
        return tuple(self._proof_digest(key, proof) for key in self._keys.values() if not key.retired)

    def _newest(self) -> SigningKey:
        key = next((key for key in reversed(self._keys.values()) if not key.retired), None)
        if key is None:
            raise NoKeyError("no signing key: `switchboard keys rotate` makes one")
        return key

    def _payload_tag(self, key: SigningKey, payload: Payload) -> bytes:
        signed = b"".join((_PAYLOAD_PURPOSE, self._instance_id.bytes, payload.body()))
        return hmac.digest(key.secret, signed, "sha256")[:PAYLOAD_TAG]

    def _proof_digest(self, key: SigningKey, proof: str) -> bytes:
        return hmac.digest(key.secret, b"".join((_PROOF_PURPOSE, self._instance_id.bytes, proof.encode())), "sha256")

    def _tag(self, key: SigningKey, token: Token) -> bytes:
        signed = b"".join((_PURPOSE, self._instance_id.bytes, token.body()))
        return hmac.digest(key.secret, signed, "sha256")[:TAG_OCTETS]


def opened_mark(opened_at: datetime) -> int:
    """Give what a token says of a ticket's opening: a restored store may give a ticket's id to another ticket."""
    return int(opened_at.timestamp()) % _OPENED_MODULUS
