"""Plans: no statement of a router transaction scans a large table, whatever the size of the batch."""

import json
from typing import Any

import pytest
from routing_lab import Lab, open_lab

from ticket_store.statements import statement

ROWS = 30_000
FILL = (
    """insert into tickets (id, number, scope, account, channel, match_key, requester_key, requester_address, status,
                            continues_id, created_at, last_message_at)
       select n, n::text, 's', 'a', 'mail', sha256(n::text::bytea), sha256(n::text::bytea), 'x', 'open',
              nullif(n - 1, 0), now(), now()
       from generate_series(1, %(rows)s) n""",
    """insert into ticket_participants select n, sha256(n::text::bytea), 'x', 'requester'
       from generate_series(1, %(rows)s) n""",
    """insert into messages (id, ticket_id, state, kind, channel, account, scope, delivery_key, own_digest, sender_key,
                             sender_address, received_at, normalizer_version, raw_sha256, raw_size, details, decision)
       select n, case when n %% 2 = 0 then n end, case when n %% 2 = 0 then 'ticketed' else 'held' end, 'message',
              'mail', 'a', 's', sha256(n::text::bytea), sha256(n::text::bytea), '', 'x', now(), 1, '', 0, '{}', '{}'
       from generate_series(1, %(rows)s) n""",
    "insert into delivery_keys select sha256(n::text::bytea), n from generate_series(1, %(rows)s) n",
    "insert into thread_ids select 's', sha256(n::text::bytea), n from generate_series(1, %(rows)s) n",
    "insert into match_claims select sha256(n::text::bytea) from generate_series(1, %(rows)s) n",
    "insert into quoted_ids select 's', sha256(n::text::bytea), '', n from generate_series(1, %(rows)s) n",
    "insert into held_ids select 's', sha256((n + 1)::text::bytea), n from generate_series(1, %(rows)s, 2) n",
    """insert into sends (message_id, account, channel, kind, recipients, due_at, created_at)
       select n, 'a', 'mail', 'reply', '[]', now(), now() from generate_series(1, %(rows)s) n""",
    "insert into spool select n, 'x', 'x', '[]', now() from generate_series(1, %(rows)s, 2) n",
    "insert into legacy_tickets (desk, number) select 'old', n::text from generate_series(1, %(rows)s) n",
    "insert into legacy_ids select sha256(number::bytea), id from legacy_tickets",
)
READS = {
    "claim_deliveries": ("keys", "message_ids"),
    "taken_deliveries": ("keys",),
    "insert_ids": ("scopes", "digests"),
    "lock_ids": ("scopes", "digests"),
    "insert_matches": ("match_keys",),
    "lock_matches": ("match_keys",),
    "reached_held": ("scopes", "digests"),
    "lock_held": ("message_ids",),
    "known_messages": ("message_ids",),
    "quoted_ids": ("scopes", "digests", "address_keys"),
    "open_matches": ("match_keys",),
    "followers": ("ticket_ids",),
    "tickets_by_numbers": ("numbers",),
    "lock_sends": ("message_ids",),
    "spoken_on": ("ticket_ids",),
    "old_ids": ("digests",),
    "old_tickets": ("desks", "numbers"),
    "lock_tickets": ("ticket_ids",),
    "participants": ("ticket_ids",),
}
WRITES = {
    "change_tickets": (
        "ids",
        "statuses",
        "versions",
        "message_counts",
        "last_message_ats",
        "closed_ats",
        "lives",
        "live_untils",
    ),
    "own_ids": ("scopes", "digests", "known_message_ids", "reuseds"),
    "index_quoted": ("scopes", "digests", "address_keys", "message_ids"),
    "take_own_ids": ("scopes", "digests", "known_message_ids", "reuseds"),
    "teach_quoted": ("scopes", "digests", "address_keys", "message_ids"),
    "change_sends": ("message_ids", "recipients"),
    "place_held": ("ids", "ticket_ids", "states", "decisions", "authors", "visibilities"),
    "empty_spool": ("ids",),
    "forget_held_ids": ("ids",),
    "wake_newcomers": ("scopes", "address_keys", "ats"),
}
STATEMENTS = [
    *(("routing", name, columns) for name, columns in READS.items()),
    *(("routing_write", name, columns) for name, columns in WRITES.items()),
    ("legacy", "wake_held", ("scopes", "digests", "now")),
    ("legacy", "bind", ("desks", "numbers", "choices", "ticket_ids", "chosen_bys", "chosen_ats")),
]


@pytest.fixture(params=[False, True], ids=["analyzed", "never analyzed"])
def fresh(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def filled(lab: Lab, *, fresh: bool) -> None:
    for fill in FILL:
        async with lab.pool.connection() as connection:
            await connection.execute(fill, {"rows": ROWS})
    if not fresh:
        await lab.run("analyze")


async def columns_of(lab: Lab, size: int) -> dict[str, Any]:
    """Give existing values for every array, `size` of each."""
    picked = [1 + 37 * n for n in range(size)]
    digests = [row["d"] for row in await lab.rows("select sha256(n::text::bytea) d from unnest(%s) n", [picked])]
    texts = dict.fromkeys(("keys", "digests", "match_keys"), digests)
    numbers = dict.fromkeys(("ids", "message_ids", "ticket_ids", "known_message_ids", "versions"), picked)
    return {
        **texts,
        **numbers,
        "scopes": ["s"] * size,
        "desks": ["old"] * size,
        "choices": ["ticket"] * size,
        "chosen_bys": ["x"] * size,
        "chosen_ats": [None] * size,
        "ats": [None] * size,
        "now": None,
        "address_keys": [b""] * size,
        "statuses": ["open"] * size,
        "message_counts": [1] * size,
        "last_message_ats": [None] * size,
        "closed_ats": [None] * size,
        "lives": [False] * size,
        "live_untils": [None] * size,
        "reuseds": [False] * size,
        "states": ["held"] * size,
        "decisions": ["{}"] * size,
        "recipients": ["[]"] * size,
        "numbers": [str(number) for number in picked],
        "authors": ["customer"] * size,
        "visibilities": ["public"] * size,
    }


def scans(plan: dict[str, Any]) -> list[str]:
    """Name tables that are read whole: in sequence, or through an index without a condition."""
    whole = plan["Node Type"] == "Seq Scan" or ("Index Name" in plan and "Index Cond" not in plan)
    found = [plan.get("Relation Name", plan["Node Type"])] if whole else []
    return found + [name for child in plan.get("Plans", ()) for name in scans(child)]


async def test_no_statement_scans_a_table_for_any_size_of_batch(database: str, *, fresh: bool) -> None:
    async with open_lab(database) as lab:
        await filled(lab, fresh=fresh)
        for size in (1, 10, 50, 500):
            values = await columns_of(lab, size)
            for file, name, columns in STATEMENTS:
                found = await explained(lab, file, name, {column: values[column] for column in columns})
                assert scans(found) == [], f"{name} with {size} rows scans"


@pytest.mark.parametrize(("settings", "scanned"), [("", ["tickets"]), ("settings", [])])
async def test_the_settings_are_what_keeps_tables_from_being_scanned(
    database: str, settings: str, scanned: list[str]
) -> None:
    async with open_lab(database) as lab:
        await filled(lab, fresh=False)
        many = {"ticket_ids": list(range(1, ROWS))}
        assert scans(await explained(lab, "routing", "lock_tickets", many, settings=settings)) == scanned


async def explained(
    lab: Lab, file: str, name: str, parameters: dict[str, Any], *, settings: str = "settings"
) -> dict[str, Any]:
    async with lab.pool.connection() as connection:
        if settings:
            await connection.execute(statement("routing", settings))
        cursor = await connection.execute(f"explain (format json) {statement(file, name)}", parameters)
        row = await cursor.fetchone()
    assert row is not None
    plans = row[0] if isinstance(row[0], list) else json.loads(row[0])
    plan: dict[str, Any] = plans[0]["Plan"]
    return plan
