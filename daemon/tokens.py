"""What `tokens ...` does."""

import sys
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Any

from console import tables
from console.api.tokens import Scope, new_token
from daemon.asking import ask, check_account, check_known
from daemon.cli_options import print_json, print_line, print_rows
from daemon.clock import now
from daemon.errors import NOT_FOUND, USAGE, UserError
from daemon.opened import Opened
from ticket_store.api_tokens import ApiTokenRow, ApiTokens
from ticket_store.listing import as_json as plain


def create_token(
    name: str, *, scopes: Sequence[str], accounts: Collection[str] | None, lives: timedelta | None, as_json: bool
) -> None:
    """Make a token and print it: the only time that anybody sees it."""
    for scope in scopes:
        check_known("scope", scope, Scope)
    if not scopes:
        raise UserError(f"give --scope, one or more of: {', '.join(Scope)}", code=USAGE)
    made = new_token(token_bytes)
    moment = now()

    async def add(store: Opened) -> ApiTokenRow:
        async with store.pool.connection() as connection:
            for account in accounts or ():
                await check_account(store, connection, account)
        return await ApiTokens(pool=store.pool).add(
            prefix=made.prefix,
            digest=made.digest,
            name=" ".join(name.split())[:100],
            scopes=set(scopes),
            accounts=accounts,
            now=moment,
            expires_at=None if lives is None else moment + lives,
        )

    row = ask(add)
    if as_json:
        print_json({**_shown(row, moment), "token": made.text})
    else:
        sys.stderr.write("switchboard: this is the only time that the token is shown\n")
        print_line(made.text)


def list_tokens(*, as_json: bool) -> None:
    """Print the tokens without their secrets."""

    async def read(store: Opened) -> list[ApiTokenRow]:
        return await ApiTokens(pool=store.pool).all()

    moment = now()
    rows = [_shown(row, moment) for row in ask(read)]
    if not as_json:
        rows = [
            {**row, "scopes": " ".join(row["scopes"]), "accounts": " ".join(row["accounts"] or ["all"])} for row in rows
        ]
    print_rows(rows, tables.TOKENS, as_json=as_json, nothing="there is no token: `switchboard tokens create`")


def revoke_token(which: str) -> None:
    """End a token, named by its public part or its whole text."""
    prefix = which.removeprefix("sbt_").partition("_")[0]

    async def end(store: Opened) -> ApiTokenRow | None:
        return await ApiTokens(pool=store.pool).revoke(prefix, now=now())

    row = ask(end)
    if row is None:
        raise UserError("there is no such token: `switchboard tokens list` shows which there are", code=NOT_FOUND)
    print_line(f"token {row.prefix} ({row.name}) is revoked")


def _shown(row: ApiTokenRow, moment: datetime) -> dict[str, Any]:
    over = row.expires_at is not None and row.expires_at <= moment
    state = "revoked" if row.revoked_at else "expired" if over else "works"
    found: dict[str, Any] = plain(row)
    del found["digest"], found["id"]
    return {**found, "state": state}
