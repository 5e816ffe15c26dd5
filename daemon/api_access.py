"""Tokens for the API's gate, as the store keeps them."""

from collections.abc import Callable
from datetime import datetime

from console.api.problems import UnavailableError
from console.api.tokens import StoredToken
from daemon.adapters import STORE_ERRORS
from ticket_store.api_tokens import ApiTokens


class GateTokens:
    """Finds tokens anew for every request, so that one that is revoked ends at once."""

    def __init__(self, *, tokens: ApiTokens, clock: Callable[[], datetime]) -> None:
        self._tokens = tokens
        self._clock = clock

    async def find(self, prefix: str) -> StoredToken | None:
        """Give the token with this public part."""
        try:
            row = await self._tokens.find(prefix)
        except STORE_ERRORS as error:
            raise UnavailableError from error
        if row is None:
            return None
        return StoredToken(
            id=row.id,
            prefix=row.prefix,
            digest=row.digest,
            name=row.name,
            scopes=frozenset(row.scopes),
            accounts=None if row.accounts is None else frozenset(row.accounts),
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
        )

    async def used(self, token_id: int) -> None:
        """Note that it was used now."""
        try:
            await self._tokens.used(token_id, now=self._clock())
        except STORE_ERRORS as error:
            raise UnavailableError from error

    async def still(self, token: StoredToken) -> bool:
        """Say whether it works still, with the same scopes and accounts."""
        now = self._clock()
        if token.expires_at is not None and token.expires_at <= now:
            return False
        return await self.find(token.prefix) == token
