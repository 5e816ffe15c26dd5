"""What `check`, `migrate`, `ledger`, `status` and `channels` do."""

import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import psycopg

from console import tables
from daemon.cli_options import loaded_settings, print_json, print_line, print_table
from daemon.clock import now
from daemon.errors import NO, UNAVAILABLE, UserError
from daemon.opened import Opened, start_postgres, with_store
from daemon.settings import Settings
from daemon.settings_load import load
from daemon.settings_problems import Problem, SettingsError
from daemon.wiring import GROUP, components, database_url, ensure_topics
from ticket_store.ledger import Ledger, read_ledger
from ticket_store.listing import as_json as plain
from ticket_store.migrate import MigrationError
from ticket_store.migrate import migrate as migrate_schema
from ticket_store.overview import read_overview

NO_ACCOUNT: Final = "(no account)"
"""What people see for the empty account of `--json`; no account can have this name, it holds a blank."""


def check_settings(*, as_json: bool) -> int:
    """Print every mistake and warning; 1 when there is a mistake."""
    try:
        found = load(None, os.environ, Path.cwd())
        problems: tuple[Problem, ...] = found.warnings
        said = f"settings are right ({found.file or 'no file: defaults'})"
    except SettingsError as error:
        problems, said = error.problems, ""
    rows = [{key: asdict(problem)[key] for key in ("level", "where", "key", "reason")} for problem in problems]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(tables.table(tables.PROBLEMS, rows))
    if said and not as_json:
        print_line(said)
    return NO if any(problem.level == "error" for problem in problems) else 0


def migrate_store() -> None:
    """Apply what is pending and say what it was."""
    import asyncio  # noqa: PLC0415 - only this command needs it here

    asyncio.run(_migrate(loaded_settings().settings))


async def _migrate(settings: Settings) -> None:
    async with AsyncExitStack() as stack:
        if settings.store.embedded:
            await start_postgres(settings, stack)
        try:
            applied = migrate_schema(database_url(settings), components())
        except MigrationError as error:
            raise UserError(str(error)) from error
        except psycopg.OperationalError as error:
            raise UserError("store.url: PostgreSQL does not answer there") from error
    for migration in applied:
        print_line(f"applied {migration}")
    if not applied:
        print_line("nothing to do: the schema is this version's")


async def ledger_of(store: Opened) -> Ledger:
    """Count everything, by the store and the bus."""
    topic = store.settings.bus.inbound_topic
    await ensure_topics(store.log, store.settings)
    async with store.pool.connection() as connection:
        await connection.rollback()
        return await read_ledger(connection, consumer=GROUP, topic=topic, log_ends=lambda: store.log.partitions(topic))


def show_ledger(*, as_json: bool) -> int:
    """Print the ledger; 1 when it does not balance."""
    found = with_store(ledger_of)
    if as_json:
        print_json(found.as_json())
    else:
        print_table(tables.ledger(ledger_rows(found), title="Ledger"))
        if not found.balanced:
            print_line(found.diagnosis)
    return 0 if found.balanced else NO


def ledger_rows(found: Ledger) -> list[Mapping[str, Any]]:
    """Give a row an account and one for the whole, for people: refusals of no account have a name here."""
    whole = {key: value for key, value in found.as_json().items() if isinstance(value, int)}
    accounts = [
        {"balanced": None, **row, "account": row["account"] or NO_ACCOUNT} for row in found.as_json()["accounts"]
    ]
    return [*accounts, {"account": "all", **whole}]


def readiness_of(settings: Settings) -> Mapping[str, Any]:
    """Ask the running daemon how it is; `running` is false when nobody answers on the HTTP port."""
    if not settings.http.port:
        return {"running": None, "ready": None, "troubles": [], "warnings": []}
    url = f"http://{settings.http.host}:{settings.http.port}/readyz"
    try:
        with urllib.request.urlopen(url, timeout=3) as answer:
            return {"running": True, **json.load(answer)}
    except urllib.error.HTTPError as error:
        return {"running": True, **json.load(error)}
    except (OSError, ValueError):
        return {"running": False, "ready": False, "troubles": [], "warnings": []}


def show_status(*, as_json: bool) -> int:
    """Print how the daemon is and how much waits; 3 when it does not run or is not ready."""
    settings = loaded_settings().settings
    daemon = readiness_of(settings)
    waiting = with_store(_waiting)
    if as_json:
        print_json({**daemon, **waiting})
    else:
        said = {name: [said_of(one) for one in daemon.get(name, ())] for name in ("troubles", "warnings")}
        shown = {"running": daemon["running"], "ready": daemon["ready"], **said, **_flat(waiting)}
        print_table(tables.facts(shown))
    return 0 if daemon["ready"] is not False else UNAVAILABLE


def said_of(trouble: Mapping[str, Any]) -> str:
    """Say it for people; the reason is left out where the detail has the same word."""
    reason, detail = trouble["reason"], trouble["detail"]
    named = re.search(rf"\b{re.escape(reason)}\b", detail) is not None
    return f"{trouble['process']}: {detail if named else f'{reason} {detail}'.rstrip()}"


def _flat(values: Mapping[str, object]) -> dict[str, object]:
    """Give counts by name as one line; what is for machines alone is left out."""
    counted = {
        key: ", ".join(f"{name} {count}" for name, count in value.items()) or 0
        for key, value in values.items()
        if isinstance(value, Mapping)
    }
    return {key: counted.get(key, value) for key, value in values.items() if key != "partitions"}


async def _waiting(store: Opened) -> dict[str, object]:
    topic = store.settings.bus.inbound_topic
    await ensure_topics(store.log, store.settings)
    async with store.pool.connection() as connection:
        await connection.rollback()
        found = await read_overview(
            connection,
            consumer=GROUP,
            topic=topic,
            now=now(),
            overdue_before=now() - timedelta(hours=store.settings.spool.alert_hours),
            log_ends=lambda: store.log.partitions(topic),
        )
    shown: dict[str, object] = plain(found)
    return shown
