"""What is asked of webhooks every two seconds reads no more however many events wait."""

from datetime import UTC, datetime, timedelta

import pytest
from plans import plan_of, read
from routing_lab import open_lab

from ticket_store.webhook_queue import WebhookQueue

ROWS = 20_000
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FILL = (
    "insert into webhook_endpoints (url, created_at) select 'https://' || n, now() from generate_series(1, 3) n",
    """insert into webhook_events (id, type, event, fed_at)
       select md5(n::text)::uuid, 't', '{}', now() from generate_series(1, %(rows)s) n""",
    """insert into webhook_dispatches (endpoint_id, event_id, ticket, sequence, created_at, state)
       select e, md5(n::text)::uuid, (n %% 900)::text, n, %(now)s - n * interval '1 second',
              case when e = 1 then 'pending' when n = 7 and e = 2 then 'pending' else 'delivered' end
       from generate_series(1, %(rows)s) n, generate_series(1, 3) e""",
)


@pytest.mark.postgres
@pytest.mark.parametrize("analyzed", [False, True])
async def test_what_waits_is_counted_to_a_limit_and_its_oldest_found(database: str, *, analyzed: bool) -> None:
    async with open_lab(database) as lab:
        async with lab.pool.connection() as connection:
            for statement in FILL:
                await connection.execute(statement, {"rows": ROWS, "now": NOW})
        if analyzed:
            await lab.run("analyze")
        got = read(await plan_of(lab, "webhooks", "waiting", {"most": 100}))
        assert sum(got.values()) <= 110, got
        found = await WebhookQueue(pool=lab.pool).waiting()
    assert [(one.pending, one.oldest_at) for one in found] == [
        (10_000, NOW - timedelta(seconds=ROWS)),
        (1, NOW - timedelta(seconds=7)),
        (0, None),
    ]
