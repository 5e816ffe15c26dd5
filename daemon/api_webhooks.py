"""Webhooks for the API: by the same desk as the command line."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from console.api.cursors import wrong
from console.api.ports import Accounts, Row
from console.api.problems import NotThereError, RefusedError, UnavailableError, invalid
from daemon.adapters import STORE_ERRORS
from daemon.errors import NOT_FOUND, USAGE, UserError
from daemon.opened import Opened
from daemon.webhook_desk import WebhookDesk
from ticket_store.listing import as_json as plain


@asynccontextmanager
async def _answers() -> AsyncIterator[None]:
    try:
        yield
    except STORE_ERRORS as error:
        raise UnavailableError from error
    except UserError as error:
        if error.code == NOT_FOUND:
            raise NotThereError("endpoint, dispatch or account") from error
        raise (invalid("body", str(error)) if error.code == USAGE else RefusedError(str(error))) from error


class ApiWebhooks:
    """Endpoints that get events of the token's accounts and of no others."""

    def __init__(self, *, store: Opened) -> None:
        self._desk = WebhookDesk(store=store)

    async def all(self, accounts: Accounts) -> Sequence[Row]:
        """Give them."""
        async with _answers():
            return [plain(one) for one in await self._desk.all(seen=accounts)]

    async def add(self, accounts: Accounts, wanted: Mapping[str, Any], *, token_id: int) -> Row:
        """Make one, and give it with its secret."""
        async with _answers():
            made, secret = await self._desk.add(**wanted, seen=accounts, token_id=token_id)
            return {**plain(made), "secret": secret}

    async def show(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Give one."""
        async with _answers():
            return _row(await self._desk.show(endpoint_id, seen=accounts))

    async def pause(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Send it nothing for a while."""
        async with _answers():
            return _row(await self._desk.pause(endpoint_id, seen=accounts))

    async def resume(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Let it go on."""
        async with _answers():
            return _row(await self._desk.resume(endpoint_id, seen=accounts))

    async def rotate(self, accounts: Accounts, endpoint_id: int, overlap_hours: float) -> str:
        """Give a new secret."""
        async with _answers():
            return await self._desk.rotate(endpoint_id, overlap=timedelta(hours=overlap_hours), seen=accounts)

    async def remove(self, accounts: Accounts, endpoint_id: int) -> None:
        """Remove it."""
        async with _answers():
            await self._desk.remove(endpoint_id, seen=accounts)

    async def test(self, accounts: Accounts, endpoint_id: int) -> Row:
        """Send a test."""
        async with _answers():
            found = await self._desk.test(endpoint_id, seen=accounts)
        return await self.dispatch(accounts, endpoint_id, found)

    async def log(
        self, accounts: Accounts, endpoint_id: int, *, state: str | None, after: str | None, limit: int
    ) -> Sequence[Row]:
        """Give what was sent, the newest first, after a row's `cursor`."""
        if after is not None and not (after.isascii() and after.isdigit() and len(after) <= 18):  # noqa: PLR2004 - digits that fit into a bigint
            raise wrong()
        before = None if after is None else int(after)
        async with _answers():
            rows = await self._desk.log(endpoint_id, state=state, before=before, limit=limit, seen=accounts)
            return [{**plain(row), "cursor": row.id} for row in rows]

    async def dispatch(self, accounts: Accounts, endpoint_id: int, dispatch_id: int) -> Row:
        """Give one dispatch with its tries."""
        async with _answers():
            row, tries = await self._desk.attempts(endpoint_id, dispatch_id, seen=accounts)
            return {**plain(row), "tries": [plain(one) for one in tries]}

    async def resend(self, accounts: Accounts, endpoint_id: int, dispatch_id: int) -> Row:
        """Send it again."""
        async with _answers():
            await self._desk.resend(endpoint_id, dispatch_id, seen=accounts)
        return await self.dispatch(accounts, endpoint_id, dispatch_id)


def _row(found: object) -> Row:
    row: Row = plain(found)
    return row
