"""Plans of the way back: no statement about sends, parts, paces or files reads a table whole, however much waits."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from plans import plan_of, read
from routing_lab import Lab, open_lab
from store_rows import digest

from schemas.legacy import ImportedTicket
from ticket_store.legacy_import import stage
from ticket_store.statements import statement

ROWS = 20_000
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FILL = (
    """insert into tickets (id, number, scope, account, channel, match_key, requester_key, requester_address,
                            status, created_at, last_message_at)
       select n, n::text, 's', 'bot', 'parrot', sha256(n::text::bytea), sha256(n::text::bytea), 'x',
              'open', now(), now()
       from generate_series(1, %(rows)s) n""",
    """insert into messages (id, ticket_id, state, kind, channel, account, scope, delivery_key, sender_key,
                             sender_address, received_at, normalizer_version, raw_sha256, raw_size, details, decision)
       select n, n, 'ticketed', case when n %% 9 = 0 then 'edit' else 'message' end, 'parrot', 'bot', 's',
              sha256(n::text::bytea), sha256(n::text::bytea), 'x', now(), 1, '', 0,
              jsonb_build_object('thread', jsonb_build_object(
                  'conversation', jsonb_build_object('shown', 'parrot:bot:' || n),
                  'in_reply_to', jsonb_build_array(jsonb_build_object('digest', encode(sha256(n::text::bytea),
                                                                                       'hex'))))),
              '{}'
       from generate_series(1, %(rows)s) n""",
    "insert into thread_ids select 's', sha256(n::text::bytea), n from generate_series(1, %(rows)s) n",
    "insert into held_ids select 's', sha256(n::text::bytea), n from generate_series(1, %(rows)s) n",
    "insert into spool select n, 'x', 'x', '[]', now() from generate_series(1, %(rows)s) n",
    """insert into sends (message_id, ticket_id, account, channel, kind, recipients, due_at, created_at, chat)
       select n, n, case when n %% 2 = 0 then 'bot' else 'mute' end, 'parrot', 'reply',
              '[{"address": "x", "state": "queued"}]', %(now)s, %(now)s, n::text from generate_series(1, %(rows)s) n""",
    "insert into send_parts (message_id, part) select n, 0 from generate_series(1, %(rows)s) n",
    "insert into send_paces select 'bot', n::text, now() from generate_series(1, %(rows)s) n",
    "insert into chat_moves select 'bot', n::text, '-' || n, now() from generate_series(1, %(rows)s) n",
    """insert into contacts select 'bot', sha256(n::text::bytea), 'parrot', n::text, 'allowed', now()
       from generate_series(1, %(rows)s) n""",
    """insert into media_fetches (message_id, platform_id, account, due_at, created_at)
       select n, 'f', case when n %% 2 = 0 then 'bot' else 'mute' end, %(now)s, %(now)s
       from generate_series(1, %(rows)s) n""",
)
ONE: dict[str, Any] = {
    "message_id": 900,
    "part": 0,
    "claim": 0,
    "attempt": 0,
    "now": NOW,
    "digest": bytes(32),
    "platform_id": "f",
    "problem": "",
    "state": "sent",
    "account": "bot",
    "chat": "900",
    "moved_to": "7",
    "address_key": bytes(32),
    "until": NOW,
    "latest": NOW + timedelta(seconds=2),
    "account_every": timedelta(seconds=1),
    "chat_every": timedelta(seconds=1),
    "due_at": NOW,
    "sha256": None,
    "size": None,
    "parts": [0],
    "echoes": [""],
    "ticket_id": 900,
    "scope": "s",
    "sender_keys": [bytes(32)],
    "message_ids": [900, 901],
}
ASKED = (
    *(("parts", name) for name in ("begin_parts", "parts", "try_part", "known_id", "mark_part", "parts_of", "contact")),
    *(("parts", name) for name in ("moved_chat", "chat_now", "take_pace", "told_to_wait")),
    *(("media", name) for name in ("fetch_later", "settle_fetch", "fetch_targets")),
    ("outbound", "conversation"),
)


@pytest.fixture(params=[False, True], ids=["analyzed", "never analyzed"])
def fresh(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def filled(lab: Lab, *, fresh: bool) -> None:
    for fill in FILL:
        async with lab.pool.connection() as connection:
            await connection.execute(fill, {"rows": ROWS, "now": NOW})
    if not fresh:
        await lab.run("analyze")


async def test_what_concerns_one_message_reads_a_few_rows(database: str, *, fresh: bool) -> None:
    async with open_lab(database) as lab:
        await filled(lab, fresh=fresh)
        for file, name in ASKED:
            values = ONE | ({"state": "stored"} if file == "media" else {})
            got = read(await plan_of(lab, file, name, values))
            assert all(count <= 12 for count in got.values()), f"{file}.{name} reads {got}"


async def test_a_claim_reads_as_much_as_it_takes_whatever_waits_elsewhere(database: str, *, fresh: bool) -> None:
    async with open_lab(database) as lab:
        await filled(lab, fresh=fresh)
        when = {"now": NOW, "until": NOW}
        sends = read(await plan_of(lab, "sends", "claim", {**when, "lanes": ["parrot:bot", "mail"], "limits": [4, 4]}))
        files = read(
            await plan_of(lab, "media", "claim_fetches", {**when, "accounts": ["bot", "none"], "limits": [3, 3]})
        )
        assert all(count <= 60 for count in sends.values()), sends
        assert all(count <= 30 for count in files.values()), files


async def test_files_of_a_batch_are_asked_for_by_one_statement_that_reads_nothing_whole(
    database: str, *, fresh: bool
) -> None:
    async with open_lab(database) as lab:
        await filled(lab, fresh=fresh)
        for size in (1, 500):
            ids = list(range(1, size + 1))
            values = {
                "message_ids": ids, "platform_ids": ["g"] * size, "accounts": ["bot"] * size, "due_ats": [NOW] * size
            }  # fmt: skip
            assert read(await plan_of(lab, "media", "ask_fetches", values)).get("media_fetches", 0) <= size


async def test_an_import_wakes_what_waits_for_its_old_tickets_and_reads_no_more(database: str, *, fresh: bool) -> None:
    texts = dict.fromkeys(("requester_address", "requester_name", "subject", "status"), "")
    lines = [
        ImportedTicket(number=f"{n}", requester_key=None, **texts, opened_at=None, history=[], digests=[digest(f"{n}")])
        for n in range(1, 41)
    ]
    async with open_lab(database) as lab:
        await filled(lab, fresh=fresh)
        async with lab.pool.connection() as connection:
            total = await stage(connection, lines)
            await connection.execute(statement("routing", "settings"))
            which = {"desk": "old", "after": 0, "upto": total, "now": NOW, "scopes": ["s"]}
            cursor = await connection.execute(
                f"explain (analyze, format json) {statement('legacy', 'wake_stretch')}".encode(), which
            )
            row = await cursor.fetchone()
            await connection.rollback()
    assert row is not None
    got = read(row[0][0]["Plan"])
    assert all(count <= 4 * total for count in got.values()), got
