"""Signatures as Standard Webhooks wants them.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md (symmetric, `v1`).
"""

import hmac
from base64 import b64encode
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from schemas.events import CONTENT_TYPE

SECRET_BYTES: Final = 32
"""The specification wants 24 to 64."""
PREFIX: Final = "whsec_"


def new_secret(random: Callable[[int], bytes]) -> bytes:
    """Make a secret. `random` gives so many octets that nobody can guess."""
    return random(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Give a secret as receivers' libraries take it."""
    return PREFIX + b64encode(secret).decode()


def sign(secret: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """Give one signature."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret, signed, sha256)).decode()


def headers(secrets: Sequence[bytes], message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Give the headers of one try, signed with every secret that is valid: the receiver knows at least one."""
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
        "content-type": CONTENT_TYPE.decode(),
    }
