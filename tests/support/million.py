"""A store of a million messages, made by the server itself in some twenty seconds.

Keys ascend, so that indexes grow at their right end. Beside what is usual there is one of everything that is much
asked for: a sender with 20,000 tickets, a subject of 20,000 tickets, an id that 20,000 people quote and 20,000 held
messages wait for, one message that 20,000 tickets follow, one address with 20,000 held messages, one busy ticket.
"""

from datetime import UTC, datetime
from typing import Any, Final, LiteralString

import psycopg

MESSAGES: Final = 1_000_000
TICKETS: Final = 300_000
MANY: Final = 20_000
"""How often the much asked for is there; its key is that of 0."""
BUSY: Final = 1
"""The ticket with `MANY` messages."""

NOW: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
BIG: Final = (
    "tickets",
    "ticket_participants",
    "messages",
    "delivery_keys",
    "thread_ids",
    "match_claims",
    "quoted_ids",
    "held_ids",
    "spool",
    "sends",
    "notices",
    "legacy_tickets",
    "legacy_ids",
    "conversations",
    "contacts",
    "identity_proofs",
    "identity_links",
)
"""Tables that no statement may read whole."""

_KEY: Final[LiteralString] = "create function k(n bigint) returns bytea immutable language sql return int8send(n)"
_QUIET: Final[LiteralString] = "alter table {table} set (autovacuum_enabled = false)"
_FILL: Final[tuple[LiteralString, ...]] = (
    """insert into tickets (id, number, scope, account, channel, subject_base, match_key, requester_key,
                            requester_address, status, closed_at, continues_id, created_at, last_message_at)
       select n, lpad(n::text, 10, '0'), 's', 'a', 'mail', case when n <= 20000 then 'much' else n::text end,
              k(case when n <= 20000 then 0 else n end), k(case when n <= 20000 then 0 else n end), 'x@x.example',
              case when n % 3 = 0 then 'closed' else 'open' end, case when n % 3 = 0 then now() end,
              case when n between 2 and 20000 then 1 when n % 10 = 0 then n - 1 end,
              now() - n * interval '1 second', now() - n * interval '1 second'
       from generate_series(1, 300000) n""",
    """insert into ticket_participants
       select n, k(case when n <= 20000 then 0 else n end), 'x@x.example', 'requester'
       from generate_series(1, 300000) n""",
    """insert into ticket_participants select n, k(n - 1000000), 'y@y.example', 'recipient'
       from generate_series(1, 300000) n""",
    """insert into messages (id, ticket_id, state, kind, channel, account, scope, delivery_key, own_digest, sender_key,
                             sender_address, received_at, normalizer_version, raw_sha256, raw_size, details, decision,
                             direction)
       select n, case when n <= 20000 then 1 when n % 10 <> 9 then 1 + n % 300000 end,
              case when n <= 20000 or n % 10 <> 9 then 'ticketed' else 'held' end, 'message', 'mail', 'a', 's', k(n),
              k(n), k(case when n % 10 = 9 and n < 220000 then 0 else n % 300000 end), 'x@x.example',
              now() - (1000000 - n) * interval '1 second', 1, '', 0, '{}', '{}',
              case when n % 10 = 8 then 'out' else 'in' end
       from generate_series(1, 1000000) n""",
    "insert into delivery_keys (key, message_id) select k(n), n from generate_series(1, 1000000) n",
    "insert into thread_ids select 's', k(n), nullif(n, 0) from generate_series(0, 1200000) n",
    "insert into match_claims select k(n) from generate_series(0, 300000) n",
    "insert into quoted_ids select 's', k(0), k(n), n from generate_series(1, 20000) n",
    "insert into quoted_ids select 's', k(1000000 + n), k(n), n from generate_series(1, 200000) n",
    "insert into held_ids select 's', k(0), id from (select id from messages where state = 'held' limit 20000) h",
    "insert into held_ids select 's', k(id - 1), id from messages where state = 'held'",
    """insert into spool (message_id, reason, explanation, held_at, look_again_at)
       select id, 'x', 'x', now(), case when id % 100 = 9 then now() end from messages where state = 'held'""",
    """insert into sends (message_id, ticket_id, account, channel, kind, state, recipients, due_at, created_at)
       select id, ticket_id, 'a', 'mail', 'reply', case when id % 1000 = 8 then 'queued' else 'sent' end,
              '[{"address": "x@x.example", "state": "queued"}]', received_at, received_at
       from messages where direction = 'out'""",
    """insert into notices (message_id, ticket_id, account, channel, reason, address, address_key, state, created_at,
                            done_at)
       select id, ticket_id, 'a', 'mail', 'receipt', 'x@x.example', k(id),
              case id % 1000 when 7 then 'due' else 'sent' end, received_at, received_at
       from messages where id % 10 = 7""",
    """insert into legacy_tickets (desk, number, requester_key, choice, ticket_id)
       select 'old', lpad(n::text, 10, '0'), k(n), case when n % 2 = 0 then 'ticket' end, case when n % 2 = 0 then n end
       from generate_series(1, 100000) n""",
    "insert into legacy_ids select k(2000000 + id), id from legacy_tickets",
    "insert into legacy_ids select k(0), id from legacy_tickets where id <= 20000",
    """insert into conversations (digest, scope, channel, account, person_key, ticket_id)
       select k(n), 's', 'telegram', 'bot', k(n), 1 + n % 300000 from generate_series(0, 1000000) n""",
    """insert into contacts (account, address_key, channel, address, state, since)
       select 'bot', k(n), 'telegram', n::text, 'blocked', now() from generate_series(0, 200000) n""",
    """insert into identity_proofs
       select k(n), 1 + n % 300000, 's', 'telegram', 'x', now(), now(), k(n) from generate_series(0, 200000) n""",
    """insert into identity_links (ticket_id, requester_key, person_key, channel, account, address, conversation,
                                   message_id, made_by, linked_at)
       select n, k(n), k(n), 'telegram', 'bot', n::text, k(n), n, 'x', now() from generate_series(1, 200000) n""",
    "update tickets set live = true, live_until = now() where id % 100 = 1",
)


def fill(url: str) -> None:
    """Make it, never analyzed: the server knows nothing about its tables but their size."""
    with psycopg.connect(url, autocommit=True) as connection:
        for quick in ("synchronous_commit = off", "session_replication_role = replica", "work_mem = '64MB'"):
            connection.execute(f"set {quick}".encode())
        for table in BIG:
            connection.execute(_QUIET.replace("{table}", table).encode())
        connection.execute(_KEY)
        for statement in _FILL:
            connection.execute(statement)


def key(number: int) -> bytes:
    """Give the key of a number, as the store's rows have it."""
    return number.to_bytes(8, "big", signed=True)


def arguments(size: int, *, first: int = 50_009, step: int = 1_730) -> dict[str, Any]:
    """Give existing values for every array, `size` of each; the first held message is `first`."""
    numbers = [first + step * place for place in range(size)]
    return _columns([1 + number % TICKETS for number in numbers], numbers)


def much_asked() -> dict[str, Any]:
    """Give for every array the one value of which there are thousands."""
    return {
        **_columns([BUSY], [BUSY]),
        "keys": [key(0)],
        "digests": [key(0)],
        "match_keys": [key(0)],
        "texts": ["much"],
    }


def _columns(tickets: list[int], messages: list[int]) -> dict[str, Any]:
    size = len(messages)
    keys = [key(number) for number in messages]
    return {
        **dict.fromkeys(("keys", "digests", "match_keys"), keys),
        **dict.fromkeys(("message_ids", "known_message_ids"), messages),
        **dict.fromkeys(("ticket_ids", "versions"), tickets),
        "ids": messages,
        "scopes": ["s"] * size,
        "address_keys": [key(0)] * size,
        "numbers": [f"{number:010}" for number in tickets],
        "desks": ["old"] * size,
        **{name: [NOW] * size for name in ("chosen_ats", "ats", "last_message_ats", "closed_ats")},
        **{name: ["x"] * size for name in ("sender_addresses", "sender_names", "subjects", "body_texts")},
        **{name: [None] * size for name in ("body_htmls", "sent_ats")},
        "kinds": ["message"] * size,
        "sender_keys": [b""] * size,
        "automatics": ["no"] * size,
        "normalizer_versions": [9] * size,
        "details": ["{}"] * size,
        "revised_ats": [NOW] * size,
        "at": NOW,
        "choices": ["ticket"] * size,
        "chosen_bys": ["x"] * size,
        "statuses": ["open"] * size,
        "message_counts": [1] * size,
        "reuseds": [False] * size,
        "states": ["ticketed"] * size,
        "decisions": ["{}"] * size,
        "recipients": ["[]"] * size,
        "authors": ["customer"] * size,
        "visibilities": ["public"] * size,
        "whys": [""] * size,
        "send_message_ids": messages,
        "now": NOW,
        **conversation_columns(tickets, keys),
    }


def conversation_columns(tickets: list[int], keys: list[bytes]) -> dict[str, Any]:
    """Give the columns that only statements about conversations have."""
    size = len(tickets)
    return {
        "channels": ["telegram"] * size,
        "accounts": ["bot"] * size,
        "person_keys": keys,
        "is_groups": [False] * size,
        "lives": [False] * size,
        "live_untils": [None] * size,
        "wrong_proofs": [0] * size,
        "wrong_sinces": [None] * size,
        "addresses": ["x"] * size,
        "sinces": [NOW] * size,
        "twins": keys,
        "reasons": [""] * size,
        "said_ats": [NOW] * size,
        "kept_ats": [NOW] * size,
        "echoes": ["x"] * size,
        "chats": ["x"] * size,
        "conversations": keys,
        "used_ats": [NOW] * size,
    }
