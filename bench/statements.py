"""What each statement costs PostgreSQL while the mix comes: by pg_stat_statements, on a server of yours that has it.

    python bench/statements.py --url postgresql://user@host/empty_database [--mails 5000] [--sessions 32]

The server that comes embedded has no such module. Yours must preload it (`shared_preload_libraries`), and the database
must be empty and the role allowed to make the extension. Times are the server's own, for executing alone: planning,
reading what is sent and waiting for the disk at a commit are not in them.
"""

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass
from subprocess import DEVNULL
from typing import Any, Final, LiteralString

import psycopg
from psycopg.rows import class_row

from bench.drive import drive
from bench.mails import Mix
from bench.report import table
from bench.run import WARM_UP, say
from bench.subject import Watch, deployment

PLACES: Final = 25
SHOWN: Final = 84
"""Characters of a statement: enough to know it by."""
BEGIN: LiteralString = "create extension if not exists pg_stat_statements"
RESET: LiteralString = "select pg_stat_statements_reset()"
READ: LiteralString = """
    select query, calls, rows, total_exec_time as milliseconds, wal_bytes::float8 as wal,
           (shared_blks_hit + shared_blks_read)::float8 as blocks
    from pg_stat_statements
    join pg_database on pg_database.oid = dbid
    where datname = current_database() and query not like '%pg_stat_statements%'
    order by total_exec_time desc
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """All runs of one statement: milliseconds of executing, bytes of the write-ahead log, pages looked at."""

    query: str
    calls: int
    rows: int
    milliseconds: float
    wal: float
    blocks: float


def main() -> int:
    """Send the mix, and print what the statements took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", required=True, help="of an empty database on a server with pg_stat_statements")
    parser.add_argument("--mails", type=int, default=5000, help="of the mix")
    parser.add_argument("--sessions", type=int, default=32, help="SMTP sessions at a time")
    options = parser.parse_args()
    found = measured(options.url, mails=options.mails, sessions=options.sessions)
    print(shown(found, mails=options.mails))
    return 0


def measured(url: str, *, mails: int, sessions: int) -> list[Spent]:
    """Give every statement that ran while the mails came, the dearest first."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(BEGIN)
    with deployment({"STORE__URL": url}) as subject:
        subprocess.run([sys.executable, "-m", "daemon", "migrate"], env=subject.environment, check=True, stdout=DEVNULL)
        with subject.running() as watch:
            return _while_mail_comes(url, watch, subject.smtp_port, mails=mails, sessions=sessions)


def _while_mail_comes(url: str, watch: Watch, port: int, *, mails: int, sessions: int) -> list[Spent]:
    with psycopg.connect(url, autocommit=True) as connection:
        say("warming up ...")
        drive(list(Mix(count=WARM_UP, seed=1, run="statements-warm-up")), port=port, sessions=sessions)
        watch.wait_until_routed(WARM_UP)
        watch.wait_until_published()
        connection.execute(RESET)
        say(f"{mails:,} mails ...")
        drive(list(Mix(count=mails, seed=2, run="statements")), port=port, sessions=sessions)
        watch.wait_until_routed(WARM_UP + mails)
        watch.wait_until_published()
        return _read(connection)


def _read(connection: psycopg.Connection[Any]) -> list[Spent]:
    with connection.cursor(row_factory=class_row(Spent)) as cursor:
        return cursor.execute(READ).fetchall()


def shown(found: list[Spent], *, mails: int) -> str:
    """Give a Markdown table of the dearest, and of all the others together."""
    whole = sum(one.milliseconds for one in found)
    rows = [_row(one, _beginning(one.query), mails, whole) for one in found[:PLACES]]
    rest = found[PLACES:]
    others = Spent(
        query="",
        calls=sum(one.calls for one in rest),
        rows=sum(one.rows for one in rest),
        milliseconds=sum(one.milliseconds for one in rest),
        wal=sum(one.wal for one in rest),
        blocks=sum(one.blocks for one in rest),
    )
    rows.append(_row(others, f"{len(rest)} others", mails, whole))
    head = ["statement", "calls", "µs a mail", "share", "µs a call", "pages a call", "WAL, bytes a mail"]
    return table(head, rows)


def _row(one: Spent, name: str, mails: int, whole: float) -> list[str]:
    calls = max(one.calls, 1)
    return [
        name,
        f"{one.calls:,}",
        f"{one.milliseconds / mails * 1000:.1f}",
        f"{one.milliseconds / whole:.1%}",
        f"{one.milliseconds / calls * 1000:,.0f}",
        f"{one.blocks / calls:,.0f}",
        f"{one.wal / mails:,.0f}",
    ]


def _beginning(query: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"--.*", "", query)).strip()[:SHOWN].replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
