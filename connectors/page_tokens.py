"""What pages of ours carry: signed, with an end, each for one purpose; and how a host site says who its user is.

A token is base64url(JSON) "." base64url(HMAC-SHA256), made with a key that the account's secret and the purpose give:
a token for one purpose proves nothing for another. It is no secret from whoever holds it, and holds none.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from connectors.base import RefusedError

MOST_TOKEN: Final = 2048
MOST_DIGITS: Final = 12


class ExpiredError(RefusedError):
    """It was ours, and its time is over."""


class Tokens:
    """Makes and reads tokens with one account's secret. All comparing takes constant time."""

    def __init__(self, *, secret: str, account: str) -> None:
        self._secret = secret.encode()
        self._account = account

    def issue(self, purpose: str, facts: Mapping[str, Any], *, expires: datetime) -> str:
        """Make a token. `facts` is JSON; the key `exp` is ours."""
        content = _encode(json.dumps({**facts, "exp": int(expires.timestamp())}, separators=(",", ":")).encode())
        return f"{content}.{_encode(self._signature(purpose, content))}"

    def read(self, purpose: str, token: str, *, now: datetime) -> dict[str, Any]:
        """Give what a token says. Raises `RefusedError` when it is not ours, `ExpiredError` when it is over."""
        content, _, signature = token.partition(".")
        if len(token) > MOST_TOKEN or not hmac.compare_digest(
            signature.encode("utf-8", "replace"), _encode(self._signature(purpose, content)).encode()
        ):
            raise RefusedError("the token is not ours")
        facts = json.loads(_decode(content))
        if now.timestamp() >= facts["exp"]:
            raise ExpiredError("the token is over")
        return dict(facts)

    def derive(self, purpose: str, *parts: str) -> str:
        """Give 32 hexadecimal digits that follow from the parts, and that nobody without the secret can tell."""
        return self._signature(purpose, "\0".join(parts)).hex()[:32]

    def check_identity(self, user: str, expires: str, signature: str, *, now: datetime) -> datetime:
        r"""Check a host site's word: HMAC-SHA256 over `user_id\nexpiry` in hexadecimal, expiry in seconds since 1970.

        Gives its end. Raises `RefusedError` and `ExpiredError`.
        """
        made = hmac.new(self._secret, f"{user}\n{expires}".encode("utf-8", "replace"), sha256).hexdigest()
        if not hmac.compare_digest(signature.lower().encode("utf-8", "replace"), made.encode()):
            raise RefusedError("the site did not sign this user")
        if not expires.isascii() or not expires.isdigit() or len(expires) > MOST_DIGITS:
            raise RefusedError("the site's signature has no end")
        end = int(expires)
        if now.timestamp() >= end:
            raise ExpiredError("the site's signature is over")
        return datetime.fromtimestamp(min(end, 32_503_680_000), now.tzinfo)

    def _signature(self, purpose: str, content: str) -> bytes:
        key = hmac.new(self._secret, f"switchboard {purpose} {self._account}".encode(), sha256).digest()
        return hmac.new(key, content.encode("utf-8", "replace"), sha256).digest()


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _decode(content: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))
    except (ValueError, binascii.Error) as error:
        raise RefusedError("the token is not ours") from error
