"""Signatures as Standard Webhooks 1.0 writes them.

webhook-id          the caller's id of the request; the same over its retries
webhook-timestamp   seconds since 1970, new at every try
webhook-signature   v1,<base64 of HMAC-SHA256(key, "{id}.{timestamp}.{body}")>, several with blanks between
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Final

from connectors.base import RefusedError

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
_MOST_SIGNATURES: Final = 10
_MOST_DIGITS: Final = 12


def signed_headers(raw: bytes, *, keys: Sequence[bytes], request: str, at: datetime) -> dict[str, str]:
    """Give the three headers of a request, signed with each of the keys."""
    timestamp = str(int(at.timestamp()))
    return {
        ID: request,
        TIMESTAMP: timestamp,
        SIGNATURE: " ".join(_signature(raw, key=key, request=request, timestamp=timestamp) for key in keys),
    }


def check(
    raw: bytes, headers: Mapping[str, str], *, keys: Sequence[bytes], at: datetime, tolerance_seconds: int
) -> None:
    """Refuse what none of the keys has signed, and what was signed too long ago or ahead. Raises `RefusedError`."""
    check_time(headers, at=at, tolerance_seconds=tolerance_seconds)
    request, timestamp = headers.get(ID, ""), headers[TIMESTAMP]
    given = headers.get(SIGNATURE, "").split(" ")[:_MOST_SIGNATURES]
    right = [_signature(raw, key=key, request=request, timestamp=timestamp) for key in keys]
    if not any([_same(one, other) for one in given for other in right]):  # noqa: C419 - all are compared, whichever fits
        raise RefusedError("not signed by this account")


def check_time(headers: Mapping[str, str], *, at: datetime, tolerance_seconds: int) -> None:
    """Refuse, without the body, what names no signature or was signed too long ago or ahead. Raises `RefusedError`."""
    timestamp = headers.get(TIMESTAMP, "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > _MOST_DIGITS:
        raise RefusedError("no time of signing")
    if not headers.get(SIGNATURE):
        raise RefusedError("no signature")
    if abs(at.timestamp() - int(timestamp)) > tolerance_seconds:
        raise RefusedError("signed too long ago, or ahead")


def _signature(raw: bytes, *, key: bytes, request: str, timestamp: str) -> str:
    signed = f"{request}.{timestamp}.".encode(errors="surrogatepass") + raw
    return "v1," + base64.b64encode(hmac.digest(key, signed, sha256)).decode()


def _same(given: str, right: str) -> bool:
    return hmac.compare_digest(given.encode(errors="surrogatepass"), right.encode())
