"""What `webhooks ...` does."""

import asyncio
import sys
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from console import tables
from daemon.asking import ask, check_known
from daemon.cli_options import print_json, print_line, print_rows, print_table
from daemon.errors import NO, UserError
from daemon.listings import TABLE_ROWS, rows
from daemon.opened import Opened
from daemon.spool_bulk import age
from daemon.webhook_desk import WebhookDesk
from schemas.webhook_rows import AttemptRow, DispatchRow, DispatchState, Endpoint
from ticket_store.listing import as_json as plain

LOOK_EVERY: Final = 0.2
ONCE: Final = "switchboard: this is the only time that the secret is shown\n"


def add_webhook(
    url: str, *, name: str, accounts: Collection[str] | None, types: Collection[str] | None, as_json: bool
) -> None:
    """Make an endpoint and print its secret: the only time that anybody sees it."""

    async def add(store: Opened) -> tuple[Endpoint, str, bool]:
        made, secret = await WebhookDesk(store=store).add(url, name=name, accounts=accounts, types=types)
        return made, secret, bool(store.settings.webhooks.connections)

    endpoint, secret, runs = ask(add)
    if as_json:
        print_json({**plain(endpoint), "secret": secret})
    else:
        sys.stderr.write(f"switchboard: endpoint {endpoint.id} gets events from now on\n{ONCE}")
        print_line(secret)
    if not runs:
        sys.stderr.write("switchboard: nothing is sent: webhooks.connections is 0\n")


def list_webhooks(*, as_json: bool) -> None:
    """Print the endpoints."""

    async def read(store: Opened) -> Sequence[Endpoint]:
        return await WebhookDesk(store=store).all()

    found = [plain(endpoint) for endpoint in ask(read)]
    shown = found if as_json else [_for_people(row) for row in found]
    print_rows(shown, tables.WEBHOOKS, as_json=as_json, nothing="there is no endpoint: `switchboard webhooks add`")


def show_webhook(which: int, *, as_json: bool) -> None:
    """Print one."""

    async def read(store: Opened) -> Endpoint:
        return await WebhookDesk(store=store).show(which)

    row = plain(ask(read))
    if as_json:
        print_json(row)
    else:
        told = [{"what": key.replace("_", " "), "value": value} for key, value in _for_people(row).items()]
        print_table(tables.table(tables.STATUS, [line for line in told if line["value"] not in (None, "")]))


def list_dispatches(which: int, *, state: str | None, limit: int | None, as_json: bool) -> None:
    """Print what was sent to an endpoint."""
    check_known("state", state, DispatchState)
    wanted = limit if limit is not None or as_json else TABLE_ROWS

    async def read(store: Opened) -> list[DispatchRow]:
        desk = WebhookDesk(store=store)

        async def page(last: DispatchRow | None, most: int) -> list[DispatchRow]:
            return list(await desk.log(which, state=state, before=last.id if last else None, limit=most))

        return await rows(page, most=wanted)

    found = [plain(row) for row in ask(read)]
    print_rows(found, tables.WEBHOOK_LOG, as_json=as_json, nothing="nothing was sent to it")


def list_tries(which: int, dispatch: int, *, as_json: bool) -> None:
    """Print the tries of one dispatch."""

    async def read(store: Opened) -> Sequence[AttemptRow]:
        _, tries = await WebhookDesk(store=store).attempts(which, dispatch)
        return tries

    found = [plain(row) for row in ask(read)]
    print_rows(found, tables.WEBHOOK_TRIES, as_json=as_json, nothing="it was not tried yet")


def pause_webhook(which: int) -> None:
    """Pause it."""

    async def change(store: Opened) -> Endpoint:
        return await WebhookDesk(store=store).pause(which)

    print_line(f"endpoint {ask(change).id} is paused; events wait for it")


def resume_webhook(which: int) -> None:
    """Let it go on."""

    async def change(store: Opened) -> Endpoint:
        return await WebhookDesk(store=store).take_over(which)

    found = ask(change)
    print_line(f"endpoint {found.id} is active; {found.pending:,} events that waited go out now")


def rotate_secret(which: int, *, overlap: str, as_json: bool) -> None:
    """Make a new secret and print it."""
    both = age(overlap, option="--overlap") or timedelta()

    async def change(store: Opened) -> str:
        return await WebhookDesk(store=store).rotate(which, overlap=both)

    secret = ask(change)
    if as_json:
        print_json({"id": which, "secret": secret})
    else:
        sys.stderr.write(ONCE)
        print_line(secret)


def remove_webhook(which: int) -> None:
    """Remove it."""

    async def change(store: Opened) -> None:
        await WebhookDesk(store=store).remove(which)

    ask(change)
    print_line(f"endpoint {which} is removed")


def resend_dispatch(which: int, dispatch: int) -> None:
    """Send a dispatchgain."""

    async def change(store: Opened) -> None:
        await WebhookDesk(store=store).resend(which, dispatch)

    ask(change)
    print_line(f"dispatch {dispatch} goes out again")


def try_webhook(which: int, *, wait: float, as_json: bool) -> None:
    """Send a test and print what came of it; exit code 1 when it was not accepted."""

    async def send(store: Opened) -> tuple[DispatchRow, Sequence[AttemptRow]]:
        desk = WebhookDesk(store=store)
        dispatch = await desk.test(which)
        for _ in range(int(wait / LOOK_EVERY)):
            row, _ = await desk.attempts(which, dispatch)
            if row.state != DispatchState.PENDING:
                break
            await asyncio.sleep(LOOK_EVERY)
        return await desk.attempts(which, dispatch)

    row, tries = ask(send)
    if as_json:
        print_json({**plain(row), "tries": [plain(one) for one in tries]})
    if row.state == DispatchState.PENDING:
        raise UserError(f"it was not sent within {wait:g} s: does the role `webhooks` run?", code=NO)
    if row.state != DispatchState.DELIVERED:
        raise UserError(f"it was not accepted: {row.problem}", code=NO)
    if not as_json:
        print_line(f"accepted: it answers {row.status} after {tries[-1].took_ms:,} ms")


def _for_people(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, "accounts": " ".join(row["accounts"] or ["all"]), "types": " ".join(row["types"] or ["all"])}
