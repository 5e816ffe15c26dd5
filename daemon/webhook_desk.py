"""What people and other systems do with webhooks: the same from the command line and over the API.

`seen` are the accounts that whoever asks may see (None: all); an endpoint of others is as if it were not there.
"""

import json
from collections.abc import Collection, Sequence
from datetime import timedelta
from secrets import token_bytes
from typing import Final
from uuid import uuid4

from connectors.posting_guard import ForbiddenUrlError
from daemon.asking import check_account
from daemon.clock import now
from daemon.errors import NO, NOT_FOUND, USAGE, UserError
from daemon.opened import Opened
from router.webhooks.signing import new_secret, shown
from schemas.events import EventType
from schemas.webhook_rows import TEST_TYPE, AttemptRow, DispatchRow, Endpoint, EndpointState
from ticket_store.webhooks import Seen, TooManyEndpointsError, Webhooks

OVERLAP: Final = timedelta(hours=24)
"""So long the secret before goes on signing beside a new one."""
LONGEST_OVERLAP: Final = timedelta(days=30)
NAME: Final = 100
"""Characters of a name."""
BY_HAND: Final = "paused by hand"


class NoSuchEndpointError(UserError):
    """There is no such endpoint or dispatch, or it may not be seen."""

    def __init__(self, what: str = "endpoint") -> None:
        super().__init__(
            f"there is no such {what}: `switchboard webhooks list` and `log` show which there are", code=NOT_FOUND
        )


class WebhookDesk:
    """The desk on an opened store. Raises `UserError` for what cannot be done."""

    def __init__(self, *, store: Opened) -> None:
        self._store = store
        self._webhooks = Webhooks(pool=store.pool)

    async def add(
        self,
        url: str,
        *,
        name: str = "",
        accounts: Collection[str] | None = None,
        types: Collection[str] | None = None,
        seen: Seen = None,
        token_id: int | None = None,
    ) -> tuple[Endpoint, str]:
        """Make an endpoint; give it and its secret, which nobody can read later."""
        self._check_url(url)
        _check_types(types)
        secret = new_secret(token_bytes)
        wanted = await self._accounts(accounts, seen)
        try:
            endpoint_id = await self._webhooks.add(
                name=" ".join(name.split())[:NAME],
                url=url,
                accounts=wanted,
                types=types,
                secret=secret,
                token_id=token_id,
                now=now(),
            )
        except TooManyEndpointsError as error:
            raise UserError(str(error), code=NO) from error
        return await self.show(endpoint_id), shown(secret)

    async def all(self, *, seen: Seen = None) -> Sequence[Endpoint]:
        """Give the endpoints, the oldest first."""
        return await self._webhooks.all(seen=seen, now=now())

    async def show(self, endpoint_id: int, *, seen: Seen = None) -> Endpoint:
        """Give one endpoint."""
        found = await self._webhooks.find(endpoint_id, seen=seen, now=now())
        if found is None:
            raise NoSuchEndpointError
        return found

    async def pause(self, endpoint_id: int, *, seen: Seen = None) -> Endpoint:
        """Send it nothing for a while; what happens meanwhile waits."""
        return await self._set(endpoint_id, EndpointState.PAUSED, BY_HAND, seen)

    async def resume(self, endpoint_id: int, *, seen: Seen = None) -> Endpoint:
        """Let it go on, with all that waits, at once; whether it was paused or disabled."""
        return await self._set(endpoint_id, EndpointState.ACTIVE, "", seen)

    async def take_over(self, endpoint_id: int) -> Endpoint:
        """Let it go on as an operator's, whoever made it."""
        await self.show(endpoint_id)
        await self._webhooks.take_over(endpoint_id)
        return await self.resume(endpoint_id)

    async def rotate(self, endpoint_id: int, *, overlap: timedelta = OVERLAP, seen: Seen = None) -> str:
        """Give a new secret; the one before signs, too, for a while."""
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            raise UserError(f"both secrets may sign for {LONGEST_OVERLAP.days} days at most", code=USAGE)
        await self.show(endpoint_id, seen=seen)
        secret, moment = new_secret(token_bytes), now()
        if not await self._webhooks.rotate(endpoint_id, secret=secret, retires_at=moment + overlap, now=moment):
            raise NoSuchEndpointError
        return shown(secret)

    async def remove(self, endpoint_id: int, *, seen: Seen = None) -> None:
        """Remove it with its secrets, all that waits for it, and its log."""
        await self.show(endpoint_id, seen=seen)
        await self._webhooks.remove(endpoint_id)

    async def log(
        self, endpoint_id: int, *, state: str | None = None, before: int | None = None, limit: int, seen: Seen = None
    ) -> Sequence[DispatchRow]:
        """Give dispatches, the newest first."""
        await self.show(endpoint_id, seen=seen)
        return await self._webhooks.log(endpoint_id, state=state, before=before, limit=limit)

    async def attempts(
        self, endpoint_id: int, dispatch_id: int, *, seen: Seen = None
    ) -> tuple[DispatchRow, Sequence[AttemptRow]]:
        """Give one dispatch with its tries."""
        await self.show(endpoint_id, seen=seen)
        found = await self._webhooks.log(endpoint_id, dispatch_id=dispatch_id, limit=1)
        if not found:
            raise NoSuchEndpointError("dispatch")
        return found[0], await self._webhooks.attempts(dispatch_id)

    async def resend(self, endpoint_id: int, dispatch_id: int, *, seen: Seen = None) -> None:
        """Send a dispatchgain, or now, under the same id."""
        await self.show(endpoint_id, seen=seen)
        if not await self._webhooks.again(endpoint_id, dispatch_id, now=now()):
            raise NoSuchEndpointError("dispatch")

    async def test(self, endpoint_id: int, *, seen: Seen = None) -> int:
        """Send an event that is about nothing, and give its dispatch."""
        endpoint, event_id, moment = await self.show(endpoint_id, seen=seen), uuid4(), now()
        event = {
            "specversion": "1.0",
            "id": str(event_id),
            "source": self._store.instance.source,
            "type": TEST_TYPE,
            "subject": str(endpoint_id),
            "time": moment.isoformat(),
            "datacontenttype": "application/json",
            "data": {"endpoint": endpoint_id, "name": endpoint.name},
        }
        found = await self._webhooks.test(endpoint_id, event_id=event_id, event=json.dumps(event), now=moment)
        if found is None:
            raise UserError(f"endpoint {endpoint_id} is {endpoint.state}: `switchboard webhooks resume` first", code=NO)
        return found

    async def _set(self, endpoint_id: int, state: EndpointState, reason: str, seen: Seen) -> Endpoint:
        await self.show(endpoint_id, seen=seen)
        await self._webhooks.set_state(endpoint_id, state, reason=reason, now=now())
        return await self.show(endpoint_id)

    async def _accounts(self, accounts: Collection[str] | None, seen: Seen) -> Collection[str] | None:
        """Give the accounts whose events it gets: never more than whoever asks may see."""
        if seen is not None and not set(accounts or seen) <= set(seen):
            raise UserError("an account of these is not there, or not to be seen", code=NOT_FOUND)
        if accounts is None:
            return seen
        async with self._store.pool.connection() as connection:
            for account in accounts:
                await check_account(self._store, connection, account)
        return accounts

    def _check_url(self, url: str) -> None:
        try:
            self._store.settings.webhooks.reach().target(url)
        except ForbiddenUrlError as error:
            raise UserError(f"this URL cannot be asked: {error}", code=USAGE) from error


def _check_types(types: Collection[str] | None) -> None:
    unknown = sorted(set(types or ()) - set(EventType))
    if unknown:
        raise UserError(f"there is no type {unknown[0]!r}; there are: {', '.join(EventType)}", code=USAGE)
