"""The connection pool that daemon and command line share.

Connections are not in autocommit: what runs outside `connection.transaction()` stands in one transaction that
`pool.connection()` commits at its end. Session settings are plain time-outs, so that nothing waits for ever.
"""

from datetime import timedelta

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from ticket_store.arrays import with_arrays
from ticket_store.statements import statement

Pool = AsyncConnectionPool[AsyncConnection[TupleRow]]

CONNECT_SECONDS = 5
PREPARE_AFTER = 5
WAIT = timedelta(seconds=10)
STATEMENT = timedelta(seconds=60)
LOCK = timedelta(seconds=10)
IDLE_IN_TRANSACTION = timedelta(seconds=60)


def make_pool(
    conninfo: str,
    *,
    name: str,
    max_size: int = 10,
    wait: timedelta = WAIT,
    statement_timeout: timedelta = STATEMENT,
    lock_timeout: timedelta = LOCK,
    idle_timeout: timedelta = IDLE_IN_TRANSACTION,
    pgbouncer: bool = False,
) -> Pool:
    """Make a closed pool: use it as `async with`, or `await pool.open(wait=True)`.

    `name` is shown by the server as application_name. `wait` bounds how long a caller stands in line for a connection
    (then `psycopg_pool.PoolTimeout`, an `OperationalError`). A dead connection is noticed before it is handed out.
    With `pgbouncer`, nothing depends on the session: no prepared statements and no settings (set the time-outs on the
    role); relays then poll, because a hint cannot reach them.
    """
    settings = {
        "statement": _milliseconds(statement_timeout),
        "lock": _milliseconds(lock_timeout),
        "idle": _milliseconds(idle_timeout),
    }

    async def configure(connection: AsyncConnection[TupleRow]) -> None:
        async with connection.transaction():
            await connection.execute(statement("pool", "set_timeouts"), settings)

    return AsyncConnectionPool(
        conninfo,
        kwargs={
            "application_name": f"switchboard {name}",
            "connect_timeout": CONNECT_SECONDS,
            "prepare_threshold": None if pgbouncer else PREPARE_AFTER,
            "context": with_arrays(),
        },
        min_size=1,
        max_size=max_size,
        timeout=wait.total_seconds(),
        configure=None if pgbouncer else configure,
        check=AsyncConnectionPool.check_connection,
        name=name,
        open=False,
    )


def _milliseconds(duration: timedelta) -> str:
    return f"{duration // timedelta(milliseconds=1)}ms"
